"""A stream read to its present end, for audits and backups, by questions that change nothing on the server.

No consumer is made for it: who may make one may have it deliver where a request is expected, and so set a service's own
consumer back. Messages are asked for in batches in which each names the one before it; what did not come is asked for
again, as in a cluster whose stream has no leader for seconds. Only the server's word that nothing is left is the end.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import nats.errors
from nats.js.errors import APIError, NotFoundError

from chassis.bus_away import DISCONNECTED, BusAway
from chassis.declare import Message
from chassis.tap import Delivery

if TYPE_CHECKING:
    from chassis.bus import Bus

BATCH_MAX = 500
BATCH_BYTES_MAX = 4 * 1024**2
PATIENCE_SECONDS = 15.0
"""Without anything new: as long as a cluster may take to find a leader, and some more."""
SILENCE_SECONDS = 1.0
"""After so long the rest of a batch does not come any more."""
ANSWER_SECONDS = 1.0
AGAIN_SECONDS = 0.2
AWAY = (*DISCONNECTED, nats.errors.Error, APIError)
SUBJECT, SEQUENCE, STORED, BEFORE = "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Last-Sequence"
OF_THE_ANSWER = {SUBJECT, SEQUENCE, STORED, BEFORE, "Nats-Stream", "Nats-Num-Pending"}
"""Headers that the server puts behind those of the message. Where one comes twice, the last one counts."""


class State(NamedTuple):
    """What the server says of a stream: its sequences, and those in between that were deleted."""

    first: int
    last: int
    deleted: frozenset[int]
    made: str

    def left(self, from_seq: int, to_seq: int) -> int:
        """How many of these sequences have a message."""
        start = max(from_seq, self.first)
        return max(0, to_seq - start + 1) - sum(start <= seq <= to_seq for seq in self.deleted)


async def read_to_end(bus: Bus, stream: str, from_seq: int) -> AsyncGenerator[Message]:
    """The messages of a stream in the cell, from a sequence on. Raises `BusAway` where it falls silent and where it was
    made anew meanwhile, `NotFoundError` where there is none.
    """
    _, _, last = await bus.stream_info(stream)
    following = max(from_seq, 1)
    if following > last:
        return
    made = (await _state(bus, stream)).made
    until = time.monotonic() + PATIENCE_SECONDS
    async with _asking(bus, stream) as questions:
        while True:
            batch = await questions.ask(following) if following <= last else []
            for message in batch:
                following = message.stream_seq + 1
                if message.stream_seq <= last:
                    yield message
            if batch:
                until = time.monotonic() + PATIENCE_SECONDS
            elif await _is_over(bus, stream, following, last, made):
                return
            elif time.monotonic() > until:
                raise BusAway(f"{stream} could not be read to its end: nothing came any more")
            else:
                await asyncio.sleep(AGAIN_SECONDS)


async def _is_over(bus: Bus, stream: str, following: int, last: int, made: str) -> bool:
    """Whether the stream's leader says that it is the same stream, and has nothing more up to the last sequence."""
    try:
        state = await _state(bus, stream)
    except (*AWAY, BusAway, NotFoundError):
        return False
    if state.made != made:
        raise BusAway(f"{stream} could not be read to its end: it was made anew meanwhile")
    return not state.left(following, last)


async def _state(bus: Bus, stream: str) -> State:
    subject = f"$JS.API.STREAM.INFO.{bus.names.stream(stream)}"
    try:
        answer = await bus.client.request(subject, b'{"deleted_details":true}', ANSWER_SECONDS)
    except AWAY as away:
        raise BusAway(f"{stream} cannot be read now: {away}") from away
    found: dict[str, Any] = json.loads(answer.data)
    if "error" in found:
        raise BusAway(f"{stream} cannot be read now: {found['error'].get('description')}")
    state = found["state"]
    deleted = frozenset(state.get("deleted") or ())
    return State(state["first_seq"], state["last_seq"], deleted, found["created"])


@asynccontextmanager
async def _asking(bus: Bus, stream: str) -> AsyncIterator[Questions]:
    """Somewhere to hear the answers, for the length of a block."""
    questions = Questions(bus, stream)
    try:
        subscription = await bus.tap.open(f"{questions.inbox}.*", questions.hear)
    except AWAY as away:
        raise BusAway(f"{stream} cannot be read now: {away}") from away
    try:
        yield questions
    finally:
        await bus.tap.close(subscription)


class Questions:
    """Batches of one stream, one asked for after the other."""

    def __init__(self, bus: Bus, stream: str) -> None:
        self.inbox = str(bus.client.new_inbox())
        self._bus, self._stream = bus, stream
        self._asked = 0
        self._answers: asyncio.Queue[Delivery] = asyncio.Queue()  # bounded by what is asked for
        self._expected = b""

    def hear(self, answer: Delivery) -> None:
        """An answer has come: to this question, or to one that was given up."""
        if answer.subject == self._expected:
            self._answers.put_nowait(answer)

    async def ask(self, from_seq: int) -> list[Message]:
        """The next messages in order; fewer than there are, or none, where the rest did not come."""
        self._asked += 1
        self._expected, self._answers = f"{self.inbox}.{self._asked}".encode(), asyncio.Queue()
        wanted = json.dumps({"seq": from_seq, "batch": BATCH_MAX, "max_bytes": BATCH_BYTES_MAX})
        subject = f"$JS.API.DIRECT.GET.{self._bus.names.stream(self._stream)}"
        found: list[Message] = []
        try:
            await self._bus.client.publish(subject, wanted.encode(), reply=self._expected.decode())
            await self._hear_all(found)
        except AWAY:
            await asyncio.sleep(AGAIN_SECONDS)
        return found

    async def _hear_all(self, found: list[Message]) -> None:
        """Until the server says that this is all, or a message does not follow the one before it."""
        before = 0
        while len(found) < BATCH_MAX:
            answer = await asyncio.wait_for(self._answers.get(), SILENCE_SECONDS)
            headers = answer.headers
            if SEQUENCE not in headers or headers[BEFORE] != str(before):
                return  # the server's word, which no publisher can put on in a message; or one was lost on the way
            found.append(_message(self._stream, headers, answer.data))
            before = found[-1].stream_seq


def _message(stream: str, headers: dict[str, str], data: bytes) -> Message:
    own = {name: value for name, value in headers.items() if name not in OF_THE_ANSWER}
    stored = datetime.fromisoformat(headers[STORED])
    return Message(stream, int(headers[SEQUENCE]), headers[SUBJECT], own, data, stored)
