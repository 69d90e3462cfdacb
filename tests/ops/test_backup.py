"""A backup is whole or refused, and comes back exactly as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.event_store import open_store
from contracts.parking import SERVICES
from ops.backup import back_up, bring_back
from ops.console import CannotDo
from ops.preflight import lock_folder
from ops.stores import path_of
from ops.system import System, find
from tests.ops.true_story import history


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A stopped system with a history."""
    for store in history().write(tmp_path / "var").values():
        store.close()
    return find(tmp_path / "var")


async def test_what_was_backed_up_comes_back_byte_for_byte(system: System, tmp_path: Path) -> None:
    """Every event, every state, every position."""
    manifest = await back_up(system, tmp_path / "copy")
    other = find(tmp_path / "elsewhere")
    other.folder("nats")
    bring_back(other, tmp_path / "copy", force=False)
    for service in SERVICES:
        before = open_store(service, read_only=True, path=path_of(system, service))
        after = open_store(service, read_only=True, path=path_of(other, service))
        assert after.events(limit=1000) == before.events(limit=1000)
        assert after.positions() == before.positions()
        assert manifest["stores"][service]["events"] == before.last_position()


async def test_a_folder_that_holds_something_is_not_written_into(system: System, tmp_path: Path) -> None:
    """Yesterday's backup is not overwritten by today's."""
    await back_up(system, tmp_path / "copy")
    with pytest.raises(CannotDo, match="is not empty"):
        await back_up(system, tmp_path / "copy")


async def test_a_running_system_is_not_restored_into(system: System, tmp_path: Path) -> None:
    """Its services hold the stores open."""
    await back_up(system, tmp_path / "copy")
    with (
        lock_folder(system.data),
        pytest.raises(CannotDo, match=r"another `doorstep up` .* already runs"),
    ):
        bring_back(system, tmp_path / "copy", force=True)


async def test_stores_that_are_there_are_replaced_only_by_force(system: System, tmp_path: Path) -> None:
    """A restore is the one command that can lose what happened since."""
    await back_up(system, tmp_path / "copy")
    with pytest.raises(CannotDo, match="--force replaces orders, inventory, shipping, billing, notify"):
        bring_back(system, tmp_path / "copy", force=False)
    assert bring_back(system, tmp_path / "copy", force=True)["stores"].keys() == set(SERVICES)


async def test_a_damaged_backup_is_refused_before_anything_is_touched(system: System, tmp_path: Path) -> None:
    """One flipped byte, and the stores stay as they are."""
    await back_up(system, tmp_path / "copy")
    damaged = tmp_path / "copy" / "billing.sqlite"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    before = path_of(system, "orders").stat().st_mtime_ns
    with pytest.raises(CannotDo, match=r"billing\.sqlite is missing or not as the manifest says"):
        bring_back(system, tmp_path / "copy", force=True)
    assert path_of(system, "orders").stat().st_mtime_ns == before


def test_a_folder_without_a_manifest_is_no_backup(system: System, tmp_path: Path) -> None:
    """Restoring from the wrong folder must not empty the right one."""
    with pytest.raises(CannotDo, match="is not a backup"):
        bring_back(system, tmp_path, force=True)


async def test_without_the_bus_files_no_new_message_is_taken_for_an_old_one(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a fresh machine the stream of channel messages starts at 1 again; orders must listen from there."""
    await back_up(system, tmp_path / "copy")
    other = find(tmp_path / "fresh")
    bring_back(other, tmp_path / "copy", force=False)
    store = open_store("orders", read_only=True, path=path_of(other, "orders"))
    assert store.positions()["CHANNELS"].position == 0
    assert "the 3 channel messages before this stay behind" in capsys.readouterr().err
