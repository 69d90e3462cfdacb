"""A disk that stands still, and a bus that takes nothing: whatever waits meanwhile has its bound (docs/overload.md)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import cast

import pytest

from chassis import engine, relay
from chassis.batch import Batch
from chassis.bus import Bus
from chassis.engine import Overloaded
from chassis.items import Asked
from chassis.pull import BATCH_MAX, PULLED_AHEAD_MAX
from chassis.sqlite_store import SQLiteStore
from tests.chassis.toys import Accept, Files, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until

COMMANDS_MAX, UNPUBLISHED_MAX = 100, 50
ORDERS = 2_500
GIVEN_UP_SECONDS = 60.0


class SlowDisk(SQLiteStore):
    """The real store, whose commits can be made to wait. It answers beside the event loop, as a database would."""

    in_process = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.goes_on = threading.Event()
        self.goes_on.set()

    def commit(self, batch: Batch) -> None:
        assert self.goes_on.wait(GIVEN_UP_SECONDS)
        super().commit(batch)


class SlowFiles(Files):
    """Stores on such a disk."""

    def open(self, service: str) -> SlowDisk:
        return SlowDisk(self.folder / f"{service}.sqlite")


def asked(*numbers: int) -> list[Asked]:
    return [Asked(Accept(f"toy:{i:05d}"), f"command/{i}") for i in numbers]


async def test_commands_beyond_the_bound_are_refused_and_those_inside_are_decided(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is refused is told at once, while the disk still stands."""
    monkeypatch.setattr(engine, "COMMANDS_WAITING_MAX", COMMANDS_MAX)
    orders = await start(toy_orders(), nats_server.url, SlowFiles(tmp_path))
    disk, inside = cast("SlowDisk", orders.store), COMMANDS_MAX + 1
    disk.goes_on.clear()
    commands = [
        asyncio.create_task(orders.engine.command(Accept(f"toy:{n}"), f"command/{n}"))
        for n in range(inside + 50)
    ]
    refused = await until(lambda: [command for command in commands if command.done()])
    assert len(refused) == 50
    assert {type(command.exception()) for command in refused} == {Overloaded}
    disk.goes_on.set()
    await until(lambda: all(command.done() for command in commands))
    assert orders.reactor.last_position == inside
    await orders.stop()


async def test_a_source_is_not_read_further_than_its_bound(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """The rest stays in the stream; all of it is applied once, in order, when the disk goes on."""
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    inventory = await start(toy_inventory(), nats_server.url, SlowFiles(tmp_path))
    disk = cast("SlowDisk", inventory.store)
    disk.goes_on.clear()
    await orders.engine.submit(asked(*range(ORDERS)))
    await until(lambda: orders.relay.published == ORDERS)
    (source,) = (source for source in inventory.inbox._sources if source.stream == "ORDERS")
    await until(lambda: inventory.engine._waiting > 0 and source.pull._outstanding == 0)
    held = inventory.engine._waiting + len(source.pull._arrived)
    assert held <= BATCH_MAX + PULLED_AHEAD_MAX < ORDERS
    disk.goes_on.set()
    await until(lambda: inventory.reactor.last_position == ORDERS, 30)
    applied = [event.entity for event in inventory.store.events(limit=2 * ORDERS)]
    assert applied == [f"reservation/toy:{n:05d}" for n in range(ORDERS)]
    await inventory.stop()
    await orders.stop()


async def test_a_service_that_cannot_publish_takes_nothing_new_in_beyond_the_bound(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream would fall behind its store without end; once it is level again, what waited is decided."""
    monkeypatch.setattr(relay, "UNPUBLISHED_MAX", UNPUBLISHED_MAX)
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    nats_server.kill()
    await orders.engine.submit(asked(*range(UNPUBLISHED_MAX + 1)))
    waiting = asyncio.create_task(orders.engine.submit(asked(999)))
    done, _ = await asyncio.wait({waiting}, timeout=1.0)
    assert not done
    assert orders.reactor.last_position == UNPUBLISHED_MAX + 1
    nats_server.start()
    await asyncio.wait_for(waiting, 30)
    await until(lambda: orders.relay.published == UNPUBLISHED_MAX + 2)
    await orders.stop()
