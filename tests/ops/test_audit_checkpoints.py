"""What is signed, and what is not: a checkpoint goes on where the one before it ended, or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.parking import SERVICES
from ops.audit.checkpoints import make_checkpoint
from ops.audit.export import export_history, prove_live
from ops.console import CannotDo
from ops.copies.backup import back_up
from ops.copies.restore import restore
from ops.system import System, find
from tests.ops import audit_histories as past


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Twelve events of each service, nothing signed."""
    past.write(tmp_path / "var")
    return find(tmp_path / "var")


def test_a_checkpoint_says_where_each_service_stood(system: System) -> None:
    """Everything recorded by then, and nothing after it."""
    said = make_checkpoint(system, past.moment(5) + timedelta(seconds=30))["statement"]
    assert (said["number"], said["previous"], said["from"]) == (1, "", None)
    assert said["until"] == "2024-03-01T00:05:30.000000Z"
    assert {service: root["position"] for service, root in said["services"].items()} == dict.fromkeys(
        SERVICES, 5
    )
    assert json.loads((system.data / "audit" / "000001.json").read_text())["statement"] == said


def test_the_next_one_begins_where_the_last_one_ended(system: System) -> None:
    """Without a time, it ends now."""
    first = make_checkpoint(system, past.moment(5))["statement"]
    second = make_checkpoint(system)["statement"]
    assert (second["number"], second["from"]) == (2, first["until"])
    assert second["services"]["orders"]["position"] == past.EVENTS
    assert prove_live(system)["checkpoints"] == 2


def test_a_period_is_signed_once(system: System) -> None:
    """Two roots for one period would leave open which one counts."""
    make_checkpoint(system, past.moment(5))
    with pytest.raises(
        CannotDo, match=r"checkpoint 1 signed everything until 2024-03-01T00:05:00\.000000Z already"
    ):
        make_checkpoint(system, past.moment(5))


def test_the_future_is_not_signed(system: System) -> None:
    """What is to come can still be anything."""
    with pytest.raises(CannotDo, match="is still to come"):
        make_checkpoint(system, datetime.now(UTC) + timedelta(hours=1))


def test_a_service_that_said_nothing_yet_is_signed_at_its_beginning(tmp_path: Path) -> None:
    """And proved when it has said something."""
    past.write(tmp_path / "var", count=0)
    system = find(tmp_path / "var")
    make_checkpoint(system, past.moment(0))
    past.write(system.data)
    make_checkpoint(system)
    assert prove_live(system)["services"]["notify"] == {"proved": past.EVENTS, "not_signed_yet": 0}


def test_a_changed_history_is_not_signed(system: System, tmp_path: Path) -> None:
    """The chain is walked before it is signed, and the fault is named."""
    make_checkpoint(system, past.moment(2))
    export_history(system, tmp_path / "export")
    past.tamper(tmp_path / "export", "billing", past.flip, 7)
    past.into_the_store(tmp_path / "export", system.data, "billing")
    with pytest.raises(
        CannotDo, match="billing at position 7: is not what was linked here; nothing was signed"
    ):
        make_checkpoint(system)
    assert len(list((system.data / "audit").iterdir())) == 1


def test_a_history_linked_anew_below_a_checkpoint_is_not_gone_on_with(system: System, tmp_path: Path) -> None:
    """Somebody changed what was signed, and made the rest fit."""
    make_checkpoint(system, past.moment(8))
    export_history(system, tmp_path / "export")
    past.tamper(tmp_path / "export", "billing", past.flip, 7)
    past.link_anew(tmp_path / "export", "billing")
    past.into_the_store(tmp_path / "export", system.data, "billing")
    with pytest.raises(CannotDo, match="billing at position 8: is not what the last checkpoint signed"):
        make_checkpoint(system)


def test_the_key_is_for_its_owner_only_and_is_not_drawn_twice(system: System) -> None:
    """A second key would make the first one's signatures worthless."""
    make_checkpoint(system, past.moment(5))
    key = system.data / "secrets" / "audit.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert b"PUBLIC KEY" in (system.data / "secrets" / "audit.pub").read_bytes()
    key.unlink()
    with pytest.raises(CannotDo, match="is gone, and earlier checkpoints are signed with it"):
        make_checkpoint(system)


def test_nothing_is_exported_that_was_never_signed(system: System, tmp_path: Path) -> None:
    """It could not be proved."""
    with pytest.raises(CannotDo, match="nothing was signed in"):
        export_history(system, tmp_path / "export")


def test_an_export_is_not_written_over_another(system: System, tmp_path: Path) -> None:
    """A mixture would prove nothing. What is written holds names and addresses: its owner's only."""
    make_checkpoint(system)
    export_history(system, tmp_path / "export")
    assert (tmp_path / "export").stat().st_mode & 0o777 == 0o700
    with pytest.raises(CannotDo, match="is not empty"):
        export_history(system, tmp_path / "export")


async def test_checkpoints_and_key_come_along_with_a_backup(system: System, tmp_path: Path) -> None:
    """The series goes on after a restore."""
    make_checkpoint(system, past.moment(5))
    await back_up(system, tmp_path / "copy")
    other = find(tmp_path / "elsewhere")
    await restore(other, tmp_path / "copy", force=False)
    assert make_checkpoint(other)["statement"]["number"] == 2
    assert prove_live(other)["proved"]
