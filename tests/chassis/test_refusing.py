"""A message that the bus does not store shows in readiness, until one is stored again or a moment has passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis import bus as bus_module
from chassis.bus import Bus, BusAway
from tests.chassis.toys import Files, start, toy_orders
from tests.conftest import NatsServer, until

SUBJECT = "evt.channels.market.order_placed"


async def limit(bus: Bus, bytes_max: int) -> None:
    info = await bus.jetstream.stream_info("CHANNELS")
    await bus.jetstream.update_stream(info.config.evolve(max_bytes=bytes_max))


async def test_a_full_stream_shows_until_a_message_is_stored_again(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Webhooks that are refused change nothing else: without this, nobody would see that a disk is full."""
    orders = await start(toy_orders(), nats_server.url, Files(tmp_path))
    assert (await orders.checks())["publish"] == {"ok": True}
    await limit(bus, 1)
    with pytest.raises(BusAway, match="did not store"):
        await orders.bus.publish(SUBJECT, b"{}")
    assert (await orders.checks())["publish"] == {"ok": False}
    await limit(bus, 1 << 20)
    await orders.bus.publish(SUBJECT, b"{}")
    assert (await orders.checks())["publish"] == {"ok": True}
    await orders.stop()


async def test_who_gets_no_messages_any_more_is_ready_again_after_a_moment(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that sends nothing to who is not ready would otherwise never find out that it is."""
    monkeypatch.setattr(bus_module, "REFUSING_SECONDS", 0.2)
    await limit(bus, 1)
    with pytest.raises(BusAway):
        await bus.publish(SUBJECT, b"{}")
    assert bus.refusing
    await until(lambda: not bus.refusing, 5)
