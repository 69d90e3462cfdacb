"""A stream read to its present end through a passing consumer, for audits and backups.

What does not come at once is asked for again: in a cluster a consumer that was made just now is not known everywhere,
and a stream without a leader says nothing for seconds. Only the server's word that nothing is left counts as the end,
and deliveries that were lost on the way are noticed by the server's count of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from nats.js import api
from nats.js.errors import APIError, NotFoundError

from chassis.bus_away import DISCONNECTED, BusAway
from chassis.declare import Message
from chassis.deliveries import sequences_of
from chassis.pull import Pull
from chassis.tap import Delivery

if TYPE_CHECKING:
    from chassis.bus import Bus

PATIENCE_SECONDS = 15.0
"""For a batch: as long as a cluster may take to find a leader, and some more."""
SILENCE_SECONDS = 0.2
"""Before the server is asked whether anything is left."""
GONE_SECONDS = 1.5
"""After so long a consumer that nobody knows is not new to the cluster any more: it went, and its stream with it."""
ANSWER_SECONDS = 1.0
"""For a question beside the reading, which is asked again or can be done without."""


async def read_to_end(bus: Bus, stream: str, from_seq: int) -> AsyncGenerator[Message]:
    """The messages of a stream in the cell, from a sequence on. Raises `BusAway` where it falls silent, and where some
    were lost on the way.
    """
    _, _, last = await bus.stream_info(stream)
    if from_seq > last:
        return
    async with _passing(bus, stream, from_seq) as (pull, durable):
        delivered = 0
        while batch := await _next(bus, pull, stream, durable, delivered):
            for delivery in batch:
                stream_seq, counted, stamp = sequences_of(delivery.reply)
                delivered += 1
                if counted != delivered:
                    raise BusAway(f"{stream} could not be read whole: the connection was cut meanwhile")
                stored = datetime.fromtimestamp(stamp / 1e9, UTC)
                yield Message(
                    stream, stream_seq, delivery.subject.decode(), delivery.headers, delivery.data, stored
                )
                if stream_seq >= last:
                    return


@asynccontextmanager
async def _passing(bus: Bus, stream: str, from_seq: int) -> AsyncIterator[tuple[Pull, str]]:
    """A consumer of our own for the length of a block, and its name; leaves nothing on the server."""
    name = bus.names.stream(stream)
    config = api.ConsumerConfig(
        name=f"audit-{uuid4().hex}",  # named: an unnamed one's subject would let its user touch a service's own
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=max(from_seq, 1),
        ack_policy=api.AckPolicy.NONE,
        inactive_threshold=30.0,
        mem_storage=True,
    )
    try:
        durable = (await bus.jetstream.add_consumer(name, config)).name
        pull = Pull(bus, stream, durable)
        await pull.open()
    except (*DISCONNECTED, APIError) as away:
        raise BusAway(f"{stream} cannot be read now: {away}") from away
    try:
        yield pull, durable
    finally:
        # Where that cannot be done, the server does it when nobody has used it for a while.
        with suppress(*DISCONNECTED, APIError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await pull.unsubscribe()
                await bus.jetstream.delete_consumer(name, durable)


async def _next(bus: Bus, pull: Pull, stream: str, durable: str, delivered: int) -> list[Delivery]:
    """The next deliveries; none where the server says that none is left, and none came after it said so."""
    until, left, known = time.monotonic() + PATIENCE_SECONDS, None, time.monotonic()
    while True:
        with suppress(*DISCONNECTED):
            if batch := await pull.take(SILENCE_SECONDS):
                return batch
        if left == 0:
            return []
        if time.monotonic() > until:
            raise BusAway(f"{stream} could not be read to its end: nothing came any more")
        try:
            left = await _left(bus, stream, durable, delivered)
            known = time.monotonic()
        except NotFoundError as gone:
            if time.monotonic() - known > GONE_SECONDS:
                raise BusAway(f"{stream} could not be read to its end: it was made anew meanwhile") from gone


async def _left(bus: Bus, stream: str, durable: str, delivered: int) -> int | None:
    """How many messages the server has still to send or has on the way; None where it does not say.

    Raises `NotFoundError` where it knows of no such consumer.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            info = await bus.jetstream.consumer_info(bus.names.stream(stream), durable)
    except NotFoundError:
        raise
    except (*DISCONNECTED, APIError):
        return None
    sent = info.delivered.consumer_seq if info.delivered else 0
    return (info.num_pending or 0) + (sent or 0) - delivered
