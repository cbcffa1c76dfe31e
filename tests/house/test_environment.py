"""environment.yml, the lock file and pyproject.toml tell the same story."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]


def _generator():
    spec = importlib.util.spec_from_file_location("environment", CHECKOUT / ".ci" / "environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _lock() -> str:
    return (CHECKOUT / "requirements.lock").read_text("utf-8")


def test_environment_yml_holds_exactly_the_pins_of_the_lock():
    environment = yaml.safe_load((CHECKOUT / "environment.yml").read_text("utf-8"))
    sections = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    assert len(sections) == 1
    assert sections[0] == _generator().pins(_lock())
    assert len(sections[0]) == len(re.findall(r"^\S+==", _lock(), flags=re.MULTILINE))


def test_every_pin_of_the_lock_has_a_hash():
    blocks = re.split(r"^(?=\S+==)", _lock(), flags=re.MULTILINE)[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_every_dependency_of_the_project_is_locked():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", _lock(), flags=re.MULTILINE)}
    assert {re.split(r"[=<>!~\[; ]", name)[0].lower() for name in wanted} <= locked
