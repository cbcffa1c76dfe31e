"""What the documents tell a newcomer to type exists, with these options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from riskmodel.__main__ import commands

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "data/examples/own_csv/README.md")


def _blocks(document: str) -> list[str]:
    text = (CHECKOUT / document).read_text("utf-8")
    return re.findall(r"```(?:\w*)\n(.*?)```", text, flags=re.DOTALL)


def _typed(document: str) -> list[list[str]]:
    lines = [line.split("#")[0].split() for block in _blocks(document) for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_exists_with_its_options(document):
    context = click.Context(commands)
    for words in _typed(document):
        if words[0] != "riskmodel":
            continue
        command = commands.get_command(context, words[1])
        assert command is not None, f"{document}: riskmodel {words[1]}"
        if isinstance(command, click.Group):
            command = command.get_command(context, words[2])
            assert command is not None, f"{document}: riskmodel {words[1]} {words[2]}"
        known = {option for parameter in command.params for option in parameter.opts}
        unknown = {word for word in words[2:] if word.startswith("--")} - known - {"--help"}
        assert not unknown, f"{document}: riskmodel {words[1]} has no {unknown}"


def test_every_make_target_of_a_document_exists():
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = {words[1] for document in DOCUMENTS for words in _typed(document) if words[0] == "make" and len(words) > 1}
    assert named
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_to_a_file(document):
    text = (CHECKOUT / document).read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (CHECKOUT / document).parent.joinpath(link).exists()] == []


def test_the_table_of_the_house_names_every_wing():
    named = set(re.findall(r"^\| `(\w+)/` \|", (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8"), flags=re.MULTILINE))
    package = CHECKOUT / "src" / "riskmodel"
    assert named == {init.parent.name for init in package.glob("*/__init__.py")}


def _verbs(group: click.Group, above: str = "") -> dict[str, click.Command]:
    """Return all verbs by what is typed for them, e.g. ``user add``."""
    found = {}
    for name, command in group.commands.items():
        found[above + name] = command
        if isinstance(command, click.Group):
            found |= _verbs(command, f"{above}{name} ")
    return found


VERBS = _verbs(commands)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_command_has_help_with_an_example(name):
    command = VERBS[name]
    help_text = command.get_help(click.Context(command, info_name=name))
    assert f"riskmodel {name}" in help_text
    assert "Example" in help_text
