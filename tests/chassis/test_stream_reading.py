"""A stream that is read for an audit: to its end, or not at all. An end that is only a silence would hide messages."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from chassis import stream_reading
from chassis.bus import Bus, BusAway
from tests.conftest import NatsServer

MESSAGES = 2 * stream_reading.BATCH + 200
IDLE_SECONDS = 0.2
SUBJECT = "evt.channels.market.order_placed"


@pytest.fixture
async def filled(bus: Bus) -> Bus:
    """CHANNELS with more messages than come at once."""
    for start in range(0, MESSAGES, 100):
        await bus.publish_many(SUBJECT, [str(n).encode() for n in range(start, start + 100)])
    return bus


async def test_a_server_that_says_nothing_for_a_while_is_waited_for(
    filled: Bus, nats_server: NatsServer
) -> None:
    """As while a cluster finds a leader: longer than an answer takes, and nothing of the rest is missing."""
    read = []
    async with aclosing(filled.read("CHANNELS", idle_seconds=IDLE_SECONDS)) as messages:
        async for message in messages:
            read.append(message.data)
            if len(read) == stream_reading.BATCH:
                nats_server.pause()
                asyncio.get_running_loop().call_later(5 * IDLE_SECONDS, nats_server.resume)
    assert read == [str(n).encode() for n in range(MESSAGES)]


async def test_a_server_that_stays_away_is_no_end(
    filled: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever audits is told that the rest was not seen."""
    monkeypatch.setattr(stream_reading, "PATIENCE_SECONDS", 0.5)
    messages = filled.read("CHANNELS", idle_seconds=IDLE_SECONDS)
    for _ in range(stream_reading.BATCH):
        await anext(messages)
    nats_server.kill()
    with pytest.raises(BusAway, match="CHANNELS could not be read to its end"):
        await anext(messages)


async def test_a_stream_whose_last_message_was_deleted_has_an_end(bus: Bus) -> None:
    """Its last sequence never comes: the server says that nothing is left."""
    await bus.jetstream.add_stream(name="SCRATCH", subjects=["scratch"])
    for number in range(1, 4):
        await bus.jetstream.publish("scratch", str(number).encode())
    await bus.jetstream.delete_msg("SCRATCH", 3)
    seen = [message.data async for message in bus.read("SCRATCH", idle_seconds=IDLE_SECONDS)]
    assert seen == [b"1", b"2"]
