"""Each service's README is a map of its code: short enough to be read, naming every fact it can state."""

from __future__ import annotations

import re

import pytest

from contracts.catalogue import CATALOGUE
from contracts.parking import REFUSALS
from contracts.upcasters import UPCASTERS
from tests.architecture.tree import ROOT, SERVICES

LINES_MAX = 120


def read(service: str) -> str:
    return (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_can_be_read_in_one_go(service: str) -> None:
    """What is longer is not read, and then not kept true."""
    assert len(read(service).splitlines()) <= LINES_MAX


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_every_event_of_its_service(service: str) -> None:
    """Who looks for the reason of an event finds the row that leads to it. Parking is the chassis's own."""
    parking = {REFUSALS[service].parked, REFUSALS[service].retried, REFUSALS[service].discarded}
    said = {entry.model for entry in CATALOGUE if entry.producer == service} - parking - UPCASTERS.keys()
    if service == "notify":
        said -= {REFUSALS[service].command_refused}  # it takes no commands
    named = set(re.findall(r"\b[A-Z]\w+", read(service)))
    assert {model.__name__ for model in said} - named == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_points_at_files_that_exist(service: str) -> None:
    """A map with a street that is gone is worse than none."""
    folder = ROOT / "services" / service
    tests = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"`(test_\w+)(?:\.py)?`", read(service))
    assert named, "each decision names its tests"
    assert set(named) - tests == set()
    files = re.findall(r"`((?!tests/)[a-z]+/[\w/]+\.(?:py|html|txt))`", read(service))
    assert [name for name in files if not (folder / name).exists()] == []
