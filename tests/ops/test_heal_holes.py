"""A stream that lost messages is noticed by its owner, alarmed, and made whole without a person. On the real bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from chassis import relay
from chassis.bootstrap import consumer_config, stream_config
from chassis.bus import Bus
from chassis.items import Asked
from chassis.relay import StreamAhead
from chassis.service import Running
from contracts.catalogue import sources_of
from contracts.parking import SERVICES
from ops.healing.streams import heal_stream
from ops.system import System
from tests.chassis.toys import Accept, Files, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.ops.running import ten_free_ports
from tests.ops.true_story import history

ORDERS = 40
NOTICED_WITHIN_SECONDS = 10.0


def asked(*numbers: int) -> list[Asked]:
    return [Asked(Accept(f"toy:{i:05d}"), f"command/{i}") for i in numbers]


async def permit_deleting(bus: Bus, producer: str) -> None:
    """The streams of a bootstrap refuse it even to an administrator; a disk does not."""
    config, jetstream = stream_config(bus.names, producer), bus.jetstream
    await jetstream.delete_stream(config.name)
    await jetstream.add_stream(config.evolve(deny_delete=False, deny_purge=False))
    for service in SERVICES:
        if subjects := sources_of(service).get(config.name or ""):
            await jetstream.add_consumer(config.name, consumer_config(bus.names, service, subjects))


async def lose_the_middle(bus: Bus) -> None:
    for seq in (11, 12, 13, 27):
        await bus.jetstream.delete_msg("ORDERS", seq)


async def lose_the_beginning(bus: Bus) -> None:
    await bus.jetstream.purge_stream("ORDERS", seq=15)


async def lose_the_end(bus: Bus) -> None:
    for seq in (38, 39, 40):
        await bus.jetstream.delete_msg("ORDERS", seq)


async def lose_all_messages(bus: Bus) -> None:
    await bus.jetstream.purge_stream("ORDERS")


async def lose_the_stream(bus: Bus) -> None:
    await bus.jetstream.delete_stream("ORDERS")


@pytest.fixture
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is due more often than in a shop, so that the tests need not wait for it."""
    monkeypatch.setattr(relay, "CHECK_SECONDS", 0.2)


async def two_services(bus: Bus, nats_server: NatsServer, folder: Path) -> tuple[Running, Running]:
    """Orders with forty events that inventory has applied."""
    await permit_deleting(bus, "orders")
    orders = await start(toy_orders(), nats_server.url, Files(folder))
    inventory = await start(toy_inventory(), nats_server.url, Files(folder))
    await orders.engine.submit(asked(*range(ORDERS)))
    await until(lambda: inventory.reactor.last_position == ORDERS)
    await until(lambda: orders.relay.published == ORDERS)
    return orders, inventory


async def is_whole(bus: Bus, running: Running) -> bool:
    """The stream has every event of the store, byte for byte, in its order, and nothing else."""
    stored = [event.data for event in running.store.events(limit=1000)]
    try:
        return stored == [message.data async for message in bus.read("ORDERS")]
    except relay.AWAY:
        return False


@pytest.mark.usefixtures("quick_checks")
@pytest.mark.parametrize(
    "lose",
    [lose_the_beginning, lose_the_end, lose_all_messages, lose_the_stream],
    ids=lambda lose: lose.__name__,
)
async def test_whatever_a_stream_lost_it_gets_back(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, lose: Callable[[Bus], Awaitable[None]]
) -> None:
    """Its readers apply nothing twice, and go on with the next event."""
    orders, inventory = await two_services(bus, nats_server, tmp_path)
    await lose(bus)
    await until(lambda: is_whole(bus, orders), 20)
    await orders.engine.submit(asked(ORDERS))
    await until(lambda: inventory.reactor.last_position == ORDERS + 1, 20)
    assert len({event.entity for event in inventory.store.events()}) == ORDERS + 1
    assert await is_whole(bus, orders)
    assert orders.relay.lost == 0
    await inventory.stop()
    await orders.stop()


async def test_a_hole_in_the_middle_is_noticed_in_time_and_mended(
    bus: Bus, nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Within ten seconds, by an owner that has nothing else to do; afterwards nobody can delete from it."""
    orders, inventory = await two_services(bus, nats_server, tmp_path)
    await lose_the_middle(bus)
    lost_at = time.monotonic()
    await until(lambda: "stream_lost_messages" in caplog.text, NOTICED_WITHIN_SECONDS)
    await until(lambda: is_whole(bus, orders), NOTICED_WITHIN_SECONDS - (time.monotonic() - lost_at))
    assert "lost=4" in caplog.text
    config = (await bus.jetstream.stream_info("ORDERS")).config
    assert (config.deny_delete, config.deny_purge) == (True, True)
    await orders.engine.submit(asked(ORDERS))
    await until(lambda: inventory.reactor.last_position == ORDERS + 1, 20)
    assert [event.version for event in inventory.store.events()] == [1] * (ORDERS + 1)
    await inventory.stop()
    await orders.stop()


@pytest.mark.usefixtures("quick_checks")
async def test_while_it_cannot_be_mended_the_owner_says_that_it_is_not_ready(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Readiness and metric, until it is whole again. Here the stream it takes its settings from is away."""
    orders, inventory = await two_services(bus, nats_server, tmp_path)
    await bus.jetstream.delete_stream("CHANNELS")
    with suppress(NotFoundError):  # its owner may look, and take away what is left, before all four are lost
        await lose_the_middle(bus)
    await until(lambda: orders.relay.lost)
    assert not (await orders.checks())["stream"]["ok"]
    assert b'doorstep_stream_lost{service="orders"} 0.0' not in orders.meter.exposition()
    # Alone: a whole bootstrap would run into the owner, who takes ORDERS away and makes it again.
    await bus.jetstream.add_stream(stream_config(bus.names, "channels"))
    await until(lambda: is_whole(bus, orders), 20)
    await until(lambda: not orders.relay.lost)
    assert (await orders.checks())["stream"] == {"ok": True, "lost": 0}
    await inventory.stop()
    await orders.stop()


@pytest.mark.usefixtures("quick_checks")
async def test_a_damaged_stream_is_kept_when_the_store_is_older(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """What is left of it may be the only copy: the service stops, and nothing is deleted."""
    orders, inventory = await two_services(bus, nats_server, tmp_path)
    await orders.stop()
    await lose_the_middle(bus)
    set_back = await start(toy_orders(), nats_server.url, Files(tmp_path).elsewhere())
    failure = await asyncio.wait_for(set_back.failure(), 10)
    assert isinstance(failure, StreamAhead)
    assert (await bus.stream_info("ORDERS"))[0] == ORDERS - 4
    await set_back.stop()
    await inventory.stop()


async def test_the_stream_of_a_stopped_service_is_mended_by_the_command(
    tmp_path: Path, bus: Bus, nats_server: NatsServer
) -> None:
    """The same as its owner does, for when there is none."""
    house = history()
    live = house.write(tmp_path)
    await permit_deleting(bus, "notify")
    await house.publish(bus)
    await bus.jetstream.delete_msg("NOTIFY", 2)
    said = await heal_stream(System(tmp_path, ten_free_ports(), nats_server.url, {}), "notify")
    assert said["messages"] == len(house.said["notify"])
    assert said["published"] == 1
    assert (await house.judge(tmp_path, live, bus))["I10"].holds
