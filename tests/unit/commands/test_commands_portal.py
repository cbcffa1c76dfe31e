"""The verb that serves the pages says what is missing, before anything is served."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from riskmodel.commands.portal import portal

EXAMPLE = Path(__file__).parents[3] / "reports" / "design" / "identity" / "jupyterhub_config.py"


def test_a_portal_for_a_hub_is_started_by_a_hub_alone(typed, tmp_path, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    ended = typed("portal", "--store", str(tmp_path), "--identity", "hub")
    assert ended.code == 2
    assert "JUPYTERHUB_API_TOKEN" in ended.err
    assert "c.JupyterHub.services" in ended.err


@pytest.mark.parametrize("more", [(), ("--proxy-secret", "nothing")])
def test_a_portal_behind_a_proxy_needs_the_secret_that_the_proxy_shows(typed, tmp_path, more):
    ended = typed("portal", "--store", str(tmp_path), "--identity", "proxy", *more)
    assert ended.code == 2
    assert "openssl rand" in ended.err


def test_the_example_for_a_hub_starts_the_portal_with_options_that_it_has():
    words = [node.value for node in ast.walk(ast.parse(EXAMPLE.read_text("utf-8"))) if isinstance(node, ast.Constant)]
    given = {str(word).split("=")[0] for word in words if str(word).startswith("--")}
    assert {"--identity", "--store"} <= given
    assert given <= {option for parameter in portal.params for option in parameter.opts}
