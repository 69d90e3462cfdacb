"""A stream that is read for an audit: to its end, or not at all. An end that is only a silence would hide messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from chassis import stream_reading
from chassis.bus import Bus, BusAway
from chassis.stream_reading import BATCH_MAX, Questions
from chassis.tap import Delivery
from tests.conftest import NatsServer

MESSAGES = 4 * BATCH_MAX
PAUSED_SECONDS = 1.5
LOST = (1, 700, BATCH_MAX + 1, 1400)
SUBJECT = "evt.channels.market.order_placed"


@pytest.fixture
async def filled(bus: Bus) -> Bus:
    """CHANNELS with more messages than come at once."""
    for start in range(0, MESSAGES, 100):
        await bus.publish_many(SUBJECT, [str(n).encode() for n in range(start, start + 100)])
    return bus


async def read_on(filled: Bus, read: list[bytes], happens: Callable[[], Awaitable[None]]) -> None:
    """Read all of it; something happens when the first batch is through."""
    async with aclosing(filled.read("CHANNELS")) as messages:
        async for message in messages:
            read.append(message.data)
            if len(read) == BATCH_MAX:
                await happens()


async def test_a_server_that_says_nothing_for_a_while_is_waited_for(
    filled: Bus, nats_server: NatsServer
) -> None:
    """As while a cluster finds a leader: longer than an answer takes, and nothing of the rest is missing."""
    read: list[bytes] = []

    async def pause() -> None:
        nats_server.pause()
        asyncio.get_running_loop().call_later(PAUSED_SECONDS, nats_server.resume)

    await read_on(filled, read, pause)
    assert read == [str(n).encode() for n in range(MESSAGES)]


async def test_a_server_that_stays_away_is_no_end(
    filled: Bus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever audits is told that the rest was not seen."""
    monkeypatch.setattr(stream_reading, "PATIENCE_SECONDS", 0.5)
    read: list[bytes] = []

    async def kill() -> None:
        nats_server.kill()

    with pytest.raises(BusAway, match="CHANNELS could not be read to its end"):
        await read_on(filled, read, kill)
    assert BATCH_MAX <= len(read) < MESSAGES


async def test_a_stream_that_is_made_anew_meanwhile_is_not_waited_for(filled: Bus) -> None:
    """As its owner does where messages vanished: what is left of the reading would be of another stream."""
    config = (await filled.jetstream.stream_info("CHANNELS")).config
    read: list[bytes] = []

    async def make_anew() -> None:
        await filled.jetstream.delete_stream("CHANNELS")
        await filled.jetstream.add_stream(config)

    with pytest.raises(BusAway, match="CHANNELS could not be read to its end: it was made anew"):
        async with asyncio.timeout(stream_reading.PATIENCE_SECONDS / 2):
            await read_on(filled, read, make_anew)
    assert BATCH_MAX <= len(read) < MESSAGES


async def test_messages_that_were_lost_on_the_way_are_asked_for_again(
    filled: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each names the one before it, so that a hole is seen, wherever it is."""
    hear, heard = Questions.hear, 0

    def lose_some(questions: Questions, answer: Delivery) -> None:
        nonlocal heard
        heard += 1
        if heard not in LOST:
            hear(questions, answer)

    monkeypatch.setattr(stream_reading, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(Questions, "hear", lose_some)
    read = [message.data async for message in filled.read("CHANNELS")]
    assert read == [str(n).encode() for n in range(MESSAGES)]
    assert heard > MESSAGES + len(LOST)


async def test_what_a_publisher_says_in_the_name_of_the_server_is_not_believed(bus: Bus) -> None:
    """A message that claims to stand elsewhere, or to be none, is read where it stands, and hides none behind it."""
    claims = {
        "Nats-Sequence": "999999",
        "Nats-Last-Sequence": "7",
        "Nats-Subject": "evt.channels.other.order_placed",
    }
    for headers in (claims, {"Status": "404", "Description": "EOB"}, None):
        await bus.publish(SUBJECT, b"{}", headers)
    read = [
        (message.stream_seq, message.subject, dict(message.headers)) async for message in bus.read("CHANNELS")
    ]
    assert read == [(1, SUBJECT, {}), (2, SUBJECT, {"Status": "404", "Description": "EOB"}), (3, SUBJECT, {})]


async def test_a_stream_whose_last_message_was_deleted_has_an_end(bus: Bus) -> None:
    """Its last sequence never comes: the server says that nothing is left."""
    await bus.jetstream.add_stream(name="SCRATCH", subjects=["scratch"], allow_direct=True)
    for number in range(1, 4):
        await bus.jetstream.publish("scratch", str(number).encode())
    await bus.jetstream.delete_msg("SCRATCH", 3)
    seen = [message.data async for message in bus.read("SCRATCH")]
    assert seen == [b"1", b"2"]
