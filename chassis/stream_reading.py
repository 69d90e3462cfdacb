"""A stream read to its present end through a passing consumer, for audits and backups.

What does not come at once is asked for again: in a cluster a consumer that was made just now is not known everywhere,
and a stream without a leader says nothing for seconds. Only the server's word that nothing is left counts as the end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nats.js import api
from nats.js.errors import APIError

from chassis.bus_away import DISCONNECTED, BusAway

if TYPE_CHECKING:
    from chassis.bus import Bus

BATCH = 500
PATIENCE_SECONDS = 15.0
"""For a batch: as long as a cluster may take to find a leader, and some more."""
AGAIN_SECONDS = 0.1
ANSWER_SECONDS = 1.0
"""For a question beside the reading, which is asked again or can be done without."""


async def read_to_end(bus: Bus, stream: str, from_seq: int, idle_seconds: float) -> AsyncGenerator[Any]:
    """nats-py's messages of a stream in the cell, from a sequence on. Raises `BusAway` where it falls silent."""
    _, _, last = await bus.stream_info(stream)
    if from_seq > last:
        return
    async with _passing(bus, stream, from_seq) as pull:
        while batch := await _next(pull, stream, idle_seconds):
            for raw in batch:
                yield raw
            if batch[-1].metadata.sequence.stream >= last:
                return


@asynccontextmanager
async def _passing(bus: Bus, stream: str, from_seq: int) -> AsyncIterator[Any]:
    """A consumer of our own for the length of a block; leaves nothing on the server."""
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
        consumer = await bus.jetstream.add_consumer(name, config)
        pull = await bus.jetstream.pull_subscribe_bind(consumer=consumer.name, stream=name)
    except (*DISCONNECTED, APIError) as away:
        raise BusAway(f"{stream} cannot be read now: {away}") from away
    try:
        yield pull
    finally:
        # Where that cannot be done, the server does it when nobody has used it for a while.
        with suppress(*DISCONNECTED, APIError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await pull.unsubscribe()
                await bus.jetstream.delete_consumer(name, consumer.name)


async def _next(pull: Any, stream: str, idle_seconds: float) -> list[Any]:
    """The next messages; none where the server says that none is left, and none came after it said so."""
    until, left = time.monotonic() + PATIENCE_SECONDS, None
    while True:
        try:
            return list(await pull.fetch(BATCH, timeout=idle_seconds))
        except (*DISCONNECTED, APIError) as silent:
            if left == 0:
                return []
            if time.monotonic() > until:
                raise BusAway(f"{stream} could not be read to its end: nothing came any more") from silent
        left = await _left(pull)
        await asyncio.sleep(AGAIN_SECONDS)


async def _left(pull: Any) -> int | None:
    """How many messages the server has still to send; None where it does not say."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return int((await pull.consumer_info()).num_pending or 0)
    except (*DISCONNECTED, APIError):
        return None
