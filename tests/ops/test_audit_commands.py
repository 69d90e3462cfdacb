"""The audit side on the command line: JSON for machines, one line on stderr and exit 1 for what does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ops.audit.commands import register
from tests.conftest import free_port
from tests.ops.true_story import history

COMMANDS = ("verify", "timeline", "replay", "heal", "backup", "restore", "park")


@pytest.fixture
def doorstep() -> typer.Typer:
    """The audit commands alone."""
    app = typer.Typer()
    register(app)
    return app


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(doorstep: typer.Typer, command: str) -> None:
    """`--help` is the manual."""
    shown = CliRunner().invoke(doorstep, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.stdout


@pytest.mark.parametrize(
    "command", [["verify"], ["timeline", "shop:1"], ["replay", "orders"], ["backup", "copy"]]
)
def test_a_folder_without_a_system_is_one_clear_line(
    doorstep: typer.Typer, tmp_path: Path, command: list[str]
) -> None:
    """What is missing, and what to do."""
    told = CliRunner().invoke(doorstep, [*command, "--data", str(tmp_path)])
    assert told.exit_code == 1
    assert told.stderr.startswith("doorstep: no store of ")
    assert "`doorstep up`" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_a_time_without_a_zone_is_refused(doorstep: typer.Typer, tmp_path: Path) -> None:
    """Two people would read it as two moments."""
    told = CliRunner().invoke(
        doorstep, ["timeline", "shop:1", "--at", "2026-11-21T12:00", "--data", str(tmp_path)]
    )
    assert (told.exit_code, told.stderr.strip()) == (
        1,
        "doorstep: --at '2026-11-21T12:00' has no time zone; add Z for UTC",
    )


def test_a_service_nobody_has_heard_of_is_refused(doorstep: typer.Typer) -> None:
    """With the five that there are."""
    told = CliRunner().invoke(doorstep, ["replay", "marketing"])
    assert told.exit_code == 2
    assert "inventory" in told.stderr


def test_a_backup_answers_machines_with_its_manifest(doorstep: typer.Typer, tmp_path: Path) -> None:
    """What was copied, up to where, with the checksums."""
    for store in history().write(tmp_path / "var").values():
        store.close()
    target = str(tmp_path / "copy")
    told = CliRunner().invoke(doorstep, ["backup", target, "--data", str(tmp_path / "var"), "--json"])
    manifest = json.loads(told.stdout)
    assert told.exit_code == 0
    assert manifest["stores"]["orders"]["positions"]["CHANNELS"] == 3


def test_verify_without_a_bus_fails_and_says_what_was_not_checked(
    doorstep: typer.Typer, tmp_path: Path
) -> None:
    """Exit 1: nothing is claimed that was not looked at."""
    for store in history().write(tmp_path).values():
        store.close()
    port = str(free_port())
    told = CliRunner().invoke(doorstep, ["verify", "--data", str(tmp_path), "--port-base", port, "--json"])
    verdicts = {verdict["id"]: verdict for verdict in json.loads(told.stdout)["invariants"]}
    assert told.exit_code == 1
    assert verdicts["I10"] == {
        "id": "I10",
        "holds": False,
        "checked": 0,
        "detail": "the bus: is away: start the system, then verify again",
    }
    assert "doorstep: not all invariants hold: I1, I10" in told.stderr
