"""Who knows one service finds the same things under the same names in the other four."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import ROOT, SERVICES, parsed

FILES = {"README.md", "__main__.py", "http.py", "places.py", "settings.py", "views.py", "wiring.py"}
WIRED = {"declare", "build"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_front_doors(service: str) -> None:
    """What a service keeps, is asked, shows and is made of stands where it stands in every other."""
    folder = ROOT / "services" / service
    assert FILES - {path.name for path in folder.iterdir()} == set()
    assert (folder / "domain").is_dir()
    assert (folder / "reactions.py").exists() != (folder / "reactions").is_dir()


@pytest.mark.parametrize("service", SERVICES)
def test_every_wiring_declares_a_table_and_builds_the_service(service: str) -> None:
    """`declare` is pure and tests use it; `build` reads the settings and opens what they name."""
    wiring = parsed(ROOT / "services" / service / "wiring.py")
    assert WIRED - {node.name for node in wiring.body if isinstance(node, ast.FunctionDef)} == set()
    places = parsed(ROOT / "services" / service / "places.py")
    named = {ast.unparse(node.target) for node in places.body if isinstance(node, ast.AnnAssign)}
    assert named == {"PLACES"}
