"""`doorstep restore-channels` on a guarded bus: the tools look, the user `channels` publishes; every message stands
where it stood, and nothing comes twice.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis import nkeys
from chassis.bootstrap import bootstrap
from chassis.bus import Bus, connect
from chassis.declare import Message
from chassis.deliveries import moment_of
from chassis.names import Names
from chassis.settings import system as settings
from deploy.nats.permissions import users as everyone
from deploy.nats.users_file import configuration
from ops.console import CannotDo
from ops.copies.backup import back_up
from ops.copies.channels_back import restore_channels
from ops.copies.manifest import sha256_of
from ops.system import System, find
from tests.conftest import free_port, until
from tests.deploy.guarded import SEEDS, GuardedServer, login_of
from tests.ops.running import REPOSITORY, doorstep
from tests.ops.true_story import history

SUBJECT = "evt.channels.market.order_placed"


@dataclass
class Lost:
    """A system whose streams are new and empty, and its backup."""

    server: GuardedServer
    system: System
    copy: Path
    seed: Path
    before: list[Message]

    def connected(self, user: str, cell: str = "default") -> AbstractAsyncContextManager[Bus]:
        """As one of the users of a cell."""
        return connect(self.server.url, user, Names(cell), login=login_of(Names(cell).user(user)))

    async def now(self, cell: str = "default") -> list[Message]:
        """What stands in CHANNELS."""
        async with self.connected("ops", cell) as bus:
            return [message async for message in bus.read("CHANNELS")]


def kept(message: Message) -> tuple[int, str, bytes, dict[str, str], object]:
    """What has to be the same: also the moment by which decisions go, and no header but the server's own is more."""
    headers = {name: value for name, value in message.headers.items() if not name.startswith("Nats-")}
    moment = moment_of(headers, int(message.time.timestamp() * 1e9))
    headers.pop("ce-time", None)
    return message.stream_seq, message.subject, message.data, headers, moment


async def say(bus: Bus, number: int, **headers: str) -> None:
    wire = {name.replace("_", "-"): value for name, value in headers.items()}
    await bus.publish(SUBJECT, b"\xff%d" % number, wire, message_id=f"market:{number}")


@pytest.fixture
async def lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Awaitable[Lost]]]:
    """Makes a system with so many messages in a cell, backs it up, and lets its streams be lost."""
    servers = list[GuardedServer]()

    async def lose(many: int, cell: str = "default") -> Lost:
        names, users = Names(cell), tmp_path / "users.conf"
        users.write_text(configuration([cell]))
        for user in everyone(cell):
            SEEDS.setdefault(user.name, nkeys.draw())
        server = GuardedServer(tmp_path / "nats", free_port(), free_port(), users_file=users)
        servers.append(server)
        server.start()
        for user in ("channels", "ops"):
            (tmp_path / user).write_text(SEEDS[names.user(user)])
        monkeypatch.setenv("DOORSTEP_NATS_URL", server.url)
        monkeypatch.setenv("DOORSTEP_NATS_USER", names.user("ops"))
        monkeypatch.setenv("DOORSTEP_NATS_SEED_FILE", str(tmp_path / "ops"))
        monkeypatch.setenv("DOORSTEP_SYSTEM__CELL", cell)
        settings.cache_clear()
        for store in history().write(tmp_path / "var").values():
            store.close()
        found = Lost(server, find(tmp_path / "var"), tmp_path / "copy", tmp_path / "channels", [])
        async with found.connected("bootstrap", cell) as bus:
            await bootstrap(bus)
        async with found.connected("channels", cell) as bus:
            for number in range(many):
                more = {"ce_time": "2026-11-21T10:00:00Z"} if number % 3 == 1 else {}
                await say(bus, number, doorstep_topic="order_placed", **more)
        found.before = await found.now(cell)
        assert (await back_up(found.system, found.copy))["channels"]["first"] == 1
        server.stop()
        shutil.rmtree(server.folder / "js")
        server.start()
        async with found.connected("bootstrap", cell) as bus:
            await bootstrap(bus)
        return found

    yield lose
    for server in servers:
        server.stop()
    settings.cache_clear()


@pytest.mark.parametrize("cell", ["default", "eu"])
async def test_every_message_stands_where_it_stood(lost: Callable[..., Awaitable[Lost]], cell: str) -> None:
    """With its headers, and the moment by which decisions go; and the second time there is nothing to do."""
    found = await lost(4, cell)
    assert await restore_channels(found.system, found.copy, found.seed) == {"published": 4, "messages": 4}
    assert list(map(kept, await found.now(cell))) == list(map(kept, found.before))
    assert await restore_channels(found.system, found.copy, found.seed) == {"published": 0, "messages": 4}
    async with found.connected("channels", cell) as bus:
        await say(bus, 9)
    assert await restore_channels(found.system, found.copy, found.seed) == {"published": 0, "messages": 4}
    assert [message.stream_seq for message in await found.now(cell)] == [1, 2, 3, 4, 5]


@pytest.mark.long
async def test_it_goes_on_where_it_was_killed(lost: Callable[..., Awaitable[Lost]]) -> None:
    """At any message: whole windows are there, or none of them."""
    found = await lost(1_700)
    command = doorstep("restore-channels", str(found.copy), "--seed-file", str(found.seed))
    process = subprocess.Popen(  # noqa: ASYNC220 - it only has to be there
        [*command, "--data", str(found.system.data)],
        cwd=REPOSITORY,
        env=os.environ,
        stdout=subprocess.DEVNULL,
    )
    async with found.connected("ops") as bus:

        async def last() -> int:
            return (await bus.stream_info("CHANNELS"))[2]

        await until(last, seconds=30, every=0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        there = await last()
    said = await restore_channels(found.system, found.copy, found.seed)
    assert said == {"published": 1_700 - there, "messages": 1_700}
    assert there % 500 in (0, 1_700 % 500)
    assert list(map(kept, await found.now())) == list(map(kept, found.before))


async def test_messages_are_not_put_behind_those_of_somebody_else(
    lost: Callable[..., Awaitable[Lost]],
) -> None:
    """Nor between them: events would name another's message as their cause."""
    found = await lost(3)
    async with found.connected("channels") as bus:
        await say(bus, 9)
    with pytest.raises(CannotDo, match="CHANNELS holds 1 messages that are not those of the backup"):
        await restore_channels(found.system, found.copy, found.seed)
    assert len(await found.now()) == 1


async def test_a_backup_that_is_older_than_the_stores_is_refused(
    lost: Callable[..., Awaitable[Lost]],
) -> None:
    """What comes next would get a number that orders has already read, and never be read."""
    found = await lost(2)
    with pytest.raises(
        CannotDo, match=r"orders has read CHANNELS up to 3, .* ends at 2: .*--channels-from 4"
    ):
        await restore_channels(found.system, found.copy, found.seed)
    assert await found.now() == []


async def test_a_stream_that_begins_elsewhere_is_left_alone_until_it_is_made_anew(
    lost: Callable[..., Awaitable[Lost]],
) -> None:
    """As bootstrap makes it where no backup has the messages."""
    found = await lost(3)
    lines = (found.copy / "channels.jsonl").read_bytes().splitlines(keepends=True)
    told = json.loads((found.copy / "manifest.json").read_text())
    (found.copy / "channels.jsonl").write_bytes(b"".join(lines[1:]))
    with pytest.raises(CannotDo, match=r"channels\.jsonl is missing or not as the manifest says"):
        await restore_channels(found.system, found.copy, found.seed)
    told["channels"]["sha256"] = sha256_of(found.copy / "channels.jsonl")
    (found.copy / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(
        CannotDo, match=r"CHANNELS begins at 1, and the messages of the backup at 2: .*--channels-from 2"
    ):
        await restore_channels(found.system, found.copy, found.seed)
    assert await found.now() == []
    found.server.stop()
    shutil.rmtree(found.server.folder / "js")
    found.server.start()
    async with found.connected("bootstrap") as bus:
        await bootstrap(bus, channels_from=2)
    assert (await restore_channels(found.system, found.copy, found.seed))["published"] == 2
    assert list(map(kept, await found.now())) == list(map(kept, found.before[1:]))


async def test_a_seed_that_is_none_is_named(lost: Callable[..., Awaitable[Lost]]) -> None:
    """And a stranger's is refused by the server."""
    found = await lost(3)
    for text, said in (
        ("", "there is no seed in"),
        ("hello", "channels: "),
        (nkeys.draw(), "does not let us in"),
    ):
        found.seed.write_text(text)
        with pytest.raises(CannotDo, match=said):
            await restore_channels(found.system, found.copy, found.seed)
    with pytest.raises(CannotDo, match=r"the seed in .*nowhere cannot be read"):
        await restore_channels(found.system, found.copy, Path("nowhere"))


@pytest.mark.long
async def test_who_may_not_publish_is_told_of_the_seed(lost: Callable[..., Awaitable[Lost]]) -> None:
    """The tools may read, and by themselves change nothing."""
    found = await lost(3)
    with pytest.raises(
        CannotDo, match=r"only the user `channels` may publish, name its seed with --seed-file"
    ):
        await restore_channels(found.system, found.copy)
    assert await found.now() == []
