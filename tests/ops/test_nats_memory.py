"""Staging and consumers in memory: what was acknowledged is on disk all the same, the rest may be forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.bootstrap import bootstrap
from chassis.bus import Bus, connect
from chassis.frames import Frame, Publisher
from contracts.parking import SERVICES
from ops.running import nats_memory
from ops.running.nats_memory import deliver_from_memory, forget, is_lost, stage_in_memory
from tests.conftest import NatsServer, until

MESSAGES = 40

pytestmark = pytest.mark.skipif(not nats_memory.MEMORY.is_dir(), reason="no memory file system here")


@pytest.fixture
def store(nats_server: NatsServer) -> Iterator[Path]:
    """The server's `store_dir`; nothing of it is left in memory afterwards."""
    yield nats_server.folder / "js"
    forget(nats_server.folder / "js")


def batch(number: int, after: int, messages: int, *, commit: bool) -> list[Frame]:
    """An atomic batch, whole or still waiting for its end."""
    controls = [
        b"Nats-Batch-Id: b%d\r\nNats-Batch-Sequence: %d\r\n" % (number, i + 1) for i in range(messages)
    ]
    controls[0] += b"Nats-Expected-Last-Sequence: %d\r\n" % after
    controls[-1] += b"Nats-Batch-Commit: 1\r\n" if commit else b""
    return [
        Frame(b"evt.orders.order_accepted.v1", control + b"ce-id: %d-%d\r\n" % (number, i), b"%d" % i)
        for i, control in enumerate(controls)
    ]


def staging(store: Path) -> Path:
    """Where the server stages batches for ORDERS."""
    return store / "jetstream" / "$G" / "streams" / "ORDERS" / "batches"


async def test_what_was_acknowledged_outlives_the_server(nats_server: NatsServer, store: Path) -> None:
    """SIGKILL right after the answer, with a second batch half sent: the first is whole, of the other nothing."""
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
        stage_in_memory(store)
        assert staging(store).is_symlink()
        last = await Publisher(bus).publish(batch(1, 0, MESSAGES, commit=True))
        unfinished = batch(2, last, MESSAGES, commit=False)
        await bus.client._send_command(b"".join(frame.wire() for frame in unfinished))
        await until(lambda: any(staging(store).iterdir()))
    nats_server.kill()
    nats_server.start()
    async with connect(nats_server.url, "test") as bus:
        assert await bus.stream_info("ORDERS") == (MESSAGES, 1, MESSAGES)
        kept = [await bus.message("ORDERS", sequence + 1) for sequence in range(MESSAGES)]
        assert [message and message.data for message in kept] == [b"%d" % i for i in range(MESSAGES)]


async def test_a_restarted_server_forgets_the_link_and_gets_it_again(
    nats_server: NatsServer, store: Path
) -> None:
    """Between restart and the next look batches are staged on disk, as in any other installation."""
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
    stage_in_memory(store)
    nats_server.kill()
    nats_server.start()
    assert not staging(store).is_symlink()
    async with connect(nats_server.url, "test") as bus:
        publisher = Publisher(bus)
        assert await publisher.publish(batch(1, 0, MESSAGES, commit=True)) == MESSAGES
        assert staging(store).is_dir()
        stage_in_memory(store)
        assert staging(store).is_symlink()
        assert await publisher.publish(batch(2, MESSAGES, MESSAGES, commit=True)) == 2 * MESSAGES


def consumers(store: Path, stream: str = "ORDERS") -> Path:
    """Where the server keeps the consumers of a stream."""
    return store / "jetstream" / "$G" / "streams" / stream / "obs"


async def delivered(bus: Bus, consumer: str) -> int:
    """How many messages of ORDERS a consumer has delivered."""
    return int((await bus.jetstream.consumer_info("ORDERS", consumer)).delivered.consumer_seq)


async def made_at(bus: Bus, consumer: str) -> object:
    """When a consumer of ORDERS was made: one that is made anew is another one."""
    return (await bus.jetstream.consumer_info("ORDERS", consumer)).created


async def deliver(bus: Bus, consumer: str, messages: int) -> None:
    """Have a consumer deliver so many, and acknowledge them."""
    pulled = await bus.jetstream.pull_subscribe_bind(consumer, "ORDERS")
    *_, last = await pulled.fetch(messages)
    await last.ack_sync()


async def test_a_restarted_server_goes_on_with_consumers_in_memory(
    nats_server: NatsServer, store: Path
) -> None:
    """SIGKILL leaves memory as it is: our consumers are there again, nobody made them; another's was never touched."""
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
        await bus.jetstream.add_consumer("ORDERS", durable_name="analyst")
        await Publisher(bus).publish(batch(1, 0, MESSAGES, commit=True))
        deliver_from_memory(store)
        assert consumers(store).joinpath("inventory").is_symlink()
        assert not consumers(store).joinpath("analyst").is_symlink()
        assert not consumers(store).joinpath(nats_memory.ASIDE).exists()
        await deliver(bus, "inventory", 3)
        made = [await made_at(bus, name) for name in ("inventory", "analyst")]
    nats_server.kill()
    nats_server.start()
    async with connect(nats_server.url, "test") as bus:
        assert [await made_at(bus, name) for name in ("inventory", "analyst")] == made
        assert await delivered(bus, "inventory") <= 3, "its last steps were perhaps not written yet"
        assert consumers(store).joinpath("inventory").is_symlink()


async def test_a_move_that_was_interrupted_is_no_obstacle(nats_server: NatsServer, store: Path) -> None:
    """The power went off when a stream's only consumer was already aside, and nothing in its place yet."""
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
    (place,) = (found for found in consumers(store, "CHANNELS").iterdir() if found.name in SERVICES)
    nats_server.kill()
    place.rename(place.with_name(nats_memory.ASIDE))
    forget(store)
    assert not consumers(store, "CHANNELS").joinpath(nats_memory.ASIDE).exists()
    nats_server.start()
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
    deliver_from_memory(store)
    assert place.is_symlink()


async def test_memory_that_is_emptied_under_a_running_server_is_noticed(
    nats_server: NatsServer, store: Path
) -> None:
    """Links that lead nowhere; a server that made its own folder in the place of one is well."""
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
    deliver_from_memory(store)
    stage_in_memory(store)
    assert not is_lost(store)
    shutil.rmtree(nats_memory._folder(store))
    assert is_lost(store)
    nats_server.kill()
    forget(store)
    nats_server.start()
    assert not is_lost(store)


async def test_consumers_that_memory_lost_are_made_anew(nats_server: NatsServer, store: Path) -> None:
    """The machine lost its power: links lead nowhere. Every message is still there to be delivered."""
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
        await Publisher(bus).publish(batch(1, 0, MESSAGES, commit=True))
        deliver_from_memory(store)
        await deliver(bus, "inventory", 3)
    nats_server.kill()
    forget(store)
    assert not consumers(store).joinpath("inventory").exists()
    nats_server.start()
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
        deliver_from_memory(store)
        assert await delivered(bus, "inventory") == 0
        await deliver(bus, "inventory", MESSAGES)
        assert await delivered(bus, "inventory") == MESSAGES


async def test_without_room_in_memory_nothing_is_linked(
    nats_server: NatsServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container with a small /dev/shm keeps batches on disk rather than fail on a large one."""
    monkeypatch.setattr(nats_memory, "ROOM_BYTES_MIN", 1 << 60)
    async with connect(nats_server.url, "test") as bus:
        await bootstrap(bus)
    stage_in_memory(store)
    deliver_from_memory(store)
    assert not staging(store).exists()
    assert not consumers(store).joinpath("inventory").is_symlink()


def test_a_folder_that_others_can_open_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name can be guessed: whoever makes it first must not be handed the batches."""
    monkeypatch.setattr(nats_memory, "MEMORY", tmp_path)
    (tmp_path / "store" / "jetstream" / "$G" / "streams" / "ORDERS").mkdir(parents=True)
    nats_memory._folder(tmp_path / "store").mkdir(mode=0o755)
    stage_in_memory(tmp_path / "store")
    assert not staging(tmp_path / "store").exists()
