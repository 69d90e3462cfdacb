"""A stream that is read for an audit: to its end, or not at all. An end that is only a silence would hide messages."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from chassis import stream_reading
from chassis.bus import Bus, BusAway
from chassis.pull import BATCH_MAX, Pull
from chassis.tap import Delivery
from tests.conftest import NatsServer

MESSAGES = 4 * BATCH_MAX
PAUSED_SECONDS = 1.0
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
    async with aclosing(filled.read("CHANNELS")) as messages:
        async for message in messages:
            read.append(message.data)
            if len(read) == BATCH_MAX:
                nats_server.pause()
                asyncio.get_running_loop().call_later(PAUSED_SECONDS, nats_server.resume)
    assert read == [str(n).encode() for n in range(MESSAGES)]


async def test_a_server_that_stays_away_is_no_end(
    filled: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever audits is told that the rest was not seen."""
    monkeypatch.setattr(stream_reading, "PATIENCE_SECONDS", 0.5)
    read = 0

    async def read_on() -> None:
        nonlocal read
        async with aclosing(filled.read("CHANNELS")) as messages:
            async for _ in messages:
                read += 1
                if read == BATCH_MAX:
                    nats_server.kill()

    with pytest.raises(BusAway, match="CHANNELS could not be read to its end"):
        await read_on()
    assert BATCH_MAX <= read < MESSAGES


async def test_a_stream_that_is_made_anew_meanwhile_is_not_waited_for(filled: Bus) -> None:
    """As its owner does where messages vanished: what is left of the reading would be of another stream."""
    config = (await filled.jetstream.stream_info("CHANNELS")).config
    read = 0

    async def read_on() -> None:
        nonlocal read
        async with aclosing(filled.read("CHANNELS")) as messages:
            async for _ in messages:
                read += 1
                if read == BATCH_MAX:
                    await filled.jetstream.delete_stream("CHANNELS")
                    await filled.jetstream.add_stream(config)

    with pytest.raises(BusAway, match="CHANNELS could not be read to its end: it was made anew"):
        async with asyncio.timeout(stream_reading.PATIENCE_SECONDS / 2):
            await read_on()
    assert BATCH_MAX <= read < MESSAGES


async def test_messages_that_were_lost_on_the_way_are_missed(
    filled: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passing consumer gets each message once: what a cut connection took with it does not come again."""
    take = Pull.take

    async def lose_one(pull: Pull, seconds: float) -> list[Delivery]:
        return (await take(pull, seconds))[1:]

    monkeypatch.setattr(Pull, "take", lose_one)
    with pytest.raises(BusAway, match="CHANNELS could not be read whole"):
        async with aclosing(filled.read("CHANNELS")) as messages:
            _ = [message async for message in messages]


async def test_a_stream_whose_last_message_was_deleted_has_an_end(bus: Bus) -> None:
    """Its last sequence never comes: the server says that nothing is left."""
    await bus.jetstream.add_stream(name="SCRATCH", subjects=["scratch"])
    for number in range(1, 4):
        await bus.jetstream.publish("scratch", str(number).encode())
    await bus.jetstream.delete_msg("SCRATCH", 3)
    seen = [message.data async for message in bus.read("SCRATCH")]
    assert seen == [b"1", b"2"]
