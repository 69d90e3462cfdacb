"""A lost stream is published again from its store, with the same ids and bytes. On the real bus."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis.bus import Bus
from ops.console import CannotDo
from ops.healing.streams import heal_stream
from ops.system import System
from tests.conftest import NatsServer, free_port
from tests.ops.running import ten_free_ports
from tests.ops.true_story import history


async def test_what_the_stream_lacks_is_published_again(
    tmp_path: Path, bus: Bus, nats_server: NatsServer
) -> None:
    """After it, the auditor sees twins."""
    house = history()
    live = house.write(tmp_path)
    notify, house.said["notify"] = house.said["notify"], []
    await house.publish(bus)
    house.said["notify"] = notify
    system = System(tmp_path, ten_free_ports(), nats_server.url, {})
    assert await heal_stream(system, "notify") == {
        "service": "notify",
        "stream": "NOTIFY",
        "published": len(notify),
        "messages": len(notify),
    }
    verdicts = await house.judge(tmp_path, live, bus)
    assert verdicts["I10"].holds


async def test_a_stream_that_is_whole_is_left_alone(
    tmp_path: Path, bus: Bus, nats_server: NatsServer
) -> None:
    """Healing twice changes nothing."""
    house = history()
    house.write(tmp_path)
    system = System(tmp_path, ten_free_ports(), nats_server.url, {})
    await heal_stream(system, "orders")
    assert (await heal_stream(system, "orders"))["published"] == 0


async def test_a_stream_that_is_ahead_of_its_store_is_not_touched(
    tmp_path: Path, bus: Bus, nats_server: NatsServer
) -> None:
    """The store was set back: publishing would fork history."""
    house = history()
    house.write(tmp_path)
    await bus.publish(
        "evt.notify.notification_sent.v1",
        b"{}",
        {"ce-source": "/doorstep/notify", "ce-sequence": "99", "ce-id": "notify/x/1"},
    )
    with pytest.raises(CannotDo, match="which this store never wrote"):
        await heal_stream(System(tmp_path, ten_free_ports(), nats_server.url, {}), "notify")


async def test_without_a_bus_there_is_nothing_to_heal_into(tmp_path: Path) -> None:
    """One line, with the address."""
    history().write(tmp_path)
    with pytest.raises(CannotDo, match="no NATS server at"):
        await heal_stream(System(tmp_path, ten_free_ports(), f"nats://127.0.0.1:{free_port()}", {}), "notify")
