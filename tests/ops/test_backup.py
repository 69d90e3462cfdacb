"""A backup is whole or refused, and comes back exactly as it was."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from chassis.bus import Bus
from chassis.stores import open_store
from contracts.parking import SERVICES
from ops.console import CannotDo
from ops.copies.backup import agree, back_up
from ops.copies.channels import first_waiting, waiting_copy
from ops.copies.channels_back import put_back_waiting
from ops.copies.restore import restore
from ops.running.preflight import lock_folder
from ops.stores import path_of
from ops.system import System, find
from ops.verify.truth import sent_mails
from tests.conftest import NatsServer
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
    await restore(other, tmp_path / "copy", force=False)
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
        await restore(system, tmp_path / "copy", force=True)


async def test_stores_that_are_there_are_replaced_only_by_force(system: System, tmp_path: Path) -> None:
    """A restore is the one command that can lose what happened since."""
    await back_up(system, tmp_path / "copy")
    with pytest.raises(CannotDo, match="--force replaces orders, inventory, shipping, billing, notify"):
        await restore(system, tmp_path / "copy", force=False)
    assert (await restore(system, tmp_path / "copy", force=True))["stores"].keys() == set(SERVICES)


async def test_a_damaged_backup_is_refused_before_anything_is_touched(system: System, tmp_path: Path) -> None:
    """One flipped byte, and the stores stay as they are."""
    await back_up(system, tmp_path / "copy")
    damaged = tmp_path / "copy" / "billing.sqlite"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    before = path_of(system, "orders").stat().st_mtime_ns
    with pytest.raises(CannotDo, match=r"billing\.sqlite is missing or not as the manifest says"):
        await restore(system, tmp_path / "copy", force=True)
    assert path_of(system, "orders").stat().st_mtime_ns == before


async def test_a_folder_without_a_manifest_is_no_backup(system: System, tmp_path: Path) -> None:
    """Restoring from the wrong folder must not empty the right one."""
    with pytest.raises(CannotDo, match="is not a backup"):
        await restore(system, tmp_path, force=True)


async def test_without_the_bus_the_messages_stay_behind_and_it_is_said(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The decisions on them are in the stores; new messages get numbers that none of them had."""
    manifest = await back_up(system, tmp_path / "copy")
    assert manifest["channels"] is None
    assert "this backup is without the channel messages; start the system" in capsys.readouterr().err
    other = find(tmp_path / "fresh")
    await restore(other, tmp_path / "copy", force=False)
    assert first_waiting(other) is None
    assert "new ones are numbered after those that orders has read" in capsys.readouterr().err


async def test_a_store_that_is_ahead_of_another_is_not_copied_with_it(tmp_path: Path) -> None:
    """Orders has applied what billing never said: after a restore it would take billing's next event for that one."""
    house = history()
    house.behind["orders", "billing"] = -99
    stores = house.write(tmp_path / "var")
    assert not agree(stores)
    with pytest.raises(CannotDo, match="could not be read at one moment"):
        await back_up(find(tmp_path / "var"), tmp_path / "copy")


async def test_what_the_outside_has_done_and_the_secrets_come_along(system: System, tmp_path: Path) -> None:
    """Without the gateway's log and the mails, nobody could tell what was charged and sent. Secrets stay private."""
    (system.folder("secrets") / "shop").write_text("hush")
    with (system.data / "sandbox" / "gateway.jsonl").open("a") as log:
        log.write('{"being": "writ')
    await back_up(system, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == sorted(
        [*(f"{service}.sqlite" for service in SERVICES), "mail", "manifest.json", "sandbox", "secrets"]
    )
    other = find(tmp_path / "elsewhere")
    await restore(other, tmp_path / "copy", force=False)
    whole = (system.data / "sandbox" / "gateway.jsonl").read_text().removesuffix('{"being": "writ')
    assert (other.data / "sandbox" / "gateway.jsonl").read_text() == whole
    assert sent_mails(other.data / "mail") == sent_mails(system.data / "mail")
    for folder in (tmp_path / "copy", other.data):
        assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
        assert (folder / "secrets" / "shop").stat().st_mode & 0o777 == 0o600
        assert (folder / "secrets" / "shop").read_text() == "hush"


async def test_a_changed_mail_is_not_restored(system: System, tmp_path: Path) -> None:
    """The hash of a folder is over every file in it."""
    await back_up(system, tmp_path / "copy")
    mail = next((tmp_path / "copy" / "mail" / "new").iterdir())
    mail.write_text("Subject: something else\n")
    with pytest.raises(CannotDo, match=r"mail is not as the manifest says"):
        await restore(find(tmp_path / "elsewhere"), tmp_path / "copy", force=False)


@pytest.fixture
def at_the_bus(nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system on the test's bus, with a history."""
    monkeypatch.setenv("DOORSTEP_NATS_URL", nats_server.url)
    for store in history().write(tmp_path / "var").values():
        store.close()
    return find(tmp_path / "var")


async def test_channel_messages_get_their_sequence_numbers_back(
    at_the_bus: System, bus: Bus, tmp_path: Path
) -> None:
    """Decisions name them as causes. One that a channel sent again, long after, must not shift the others."""
    for number in range(3):
        await bus.publish("evt.channels.shop.order_placed", b"\xff%d" % number, {"doorstep-topic": "order"})
    await back_up(at_the_bus, tmp_path / "copy")
    other = find(tmp_path / "fresh")
    await restore(other, tmp_path / "copy", force=False)
    assert first_waiting(other) == 1
    assert await put_back_waiting(other) == 0, "the stream here has all of them: nothing is published twice"
    assert not waiting_copy(other).exists()
    assert (
        open_store("orders", read_only=True, path=path_of(other, "orders")).positions()["CHANNELS"].position
    )


async def test_putting_messages_back_goes_on_where_it_was_cut_off(
    at_the_bus: System, bus: Bus, tmp_path: Path
) -> None:
    """The machine may die in between; and the same message id twice is two messages, as it was."""
    lines = [
        {
            "seq": seq,
            "subject": "evt.channels.shop.order_placed",
            "headers": {"Nats-Msg-Id": "shop:again", "doorstep-topic": "order"},
            "body": base64.b64encode(b"body %d" % seq).decode(),
        }
        for seq in (1, 2, 3)
    ]
    waiting_copy(at_the_bus).parent.mkdir()
    waiting_copy(at_the_bus).write_text("".join(json.dumps(line) + "\n" for line in lines))
    await bus.publish("evt.channels.shop.order_placed", b"body 1", {"doorstep-topic": "order"})
    assert await put_back_waiting(at_the_bus) == 2
    stored = [(message.stream_seq, message.data) async for message in bus.read("CHANNELS")]
    assert stored == [(1, b"body 1"), (2, b"body 2"), (3, b"body 3")]


async def test_messages_are_not_put_behind_others(at_the_bus: System, bus: Bus) -> None:
    """A stream that already holds something else would give them other numbers."""
    line = {
        "seq": 1,
        "subject": "evt.channels.shop.x",
        "headers": {},
        "body": base64.b64encode(b"a").decode(),
    }
    waiting_copy(at_the_bus).parent.mkdir()
    waiting_copy(at_the_bus).write_text(json.dumps(line) + "\n")
    await bus.publish("evt.channels.shop.x", b"something else")
    with pytest.raises(CannotDo, match="CHANNELS holds 1 messages that are not those of the backup"):
        await put_back_waiting(at_the_bus)
    assert waiting_copy(at_the_bus).exists()
