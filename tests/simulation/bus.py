"""The streams, in memory: fenced, filtered, in order; and the ways a real network loses, repeats and delays.

It is what `chassis/bus.py` shows of JetStream, as far as the real `Relay` and `Source` look at it. Messages are kept as
the bytes that went over the wire, and read with the chassis's own reader.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from nats.js.errors import APIError

from chassis.bus import BusAway
from chassis.clock import Clock
from chassis.declare import Message
from chassis.frames import Frame
from chassis.names import Names
from chassis.tap import Delivery
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES
from tests.simulation.store import Interrupt

WRONG_LAST_SEQUENCE = 10071
"""The server's code for it."""
EXPECTED = re.compile(rb"Nats-Expected-Last-Sequence: (\d+)\r\n")
CONTROLS = re.compile(rb"Nats-[A-Za-z-]+: [^\r]*\r\n")
FATES = ("stored", "answer_lost", "never_arrives", "arrives_late")
"""What may become of a publish; of the last three the publisher learns nothing."""


def finished[T](call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to wait for here."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError(f"{call!r} waits for something that is not simulated")


@dataclass
class Stream:
    """One stream. `late` holds publishes that are still on the way though their publisher has given up."""

    name: str
    clock: Clock
    messages: list[tuple[bytes, bytes, bytes, Any]] = field(default_factory=list)
    late: list[list[Frame]] = field(default_factory=list)

    def take(self, frames: Sequence[Frame]) -> int:
        """Store a publish: an atomic batch whole or not at all, a chain as far as its fences hold."""
        if b"Nats-Batch-Id" in frames[0].headers:
            self._fence(frames[0])
            frames = [Frame(f.subject, f.headers.replace(b"Expected-Last", b"Was"), f.data) for f in frames]
        for frame in frames:
            self._fence(frame)
            headers = b"NATS/1.0\r\n" + CONTROLS.sub(b"", frame.headers) + b"\r\n"
            self.messages.append((frame.subject, headers, frame.data, self.clock()))
        return len(self.messages)

    def _fence(self, frame: Frame) -> None:
        expected = EXPECTED.search(frame.headers)
        if expected and self.is_behind(int(expected[1])):
            raise APIError(code=400, err_code=WRONG_LAST_SEQUENCE, description="wrong last sequence")

    def is_behind(self, expected: int) -> bool:
        """Whether a publisher's picture of this stream is out of date."""
        return expected != len(self.messages)

    def land(self, number: int) -> None:
        """A late publish arrives; nobody hears how it went."""
        try:
            self.take(self.late.pop(number))
        except APIError:
            return  # refused by the fence, as it should be

    def land_all(self) -> None:
        """Whatever is on its way arrives."""
        while self.late:
            self.land(0)

    def message(self, seq: int) -> Message | None:
        """The message at a sequence."""
        if not 0 < seq <= len(self.messages):
            return None
        subject, headers, data, time = self.messages[seq - 1]
        delivery = Delivery(subject, b"", data, headers)
        return Message(self.name, seq, subject.decode(), delivery.headers, data, time)


@dataclass
class Consumer:
    """The server's side of a durable consumer: what it delivered, and what was acknowledged."""

    stream: Stream
    filters: tuple[bytes, ...]
    next: int = 1
    delivered: int = 0
    acked: int = 0

    def fetch(self, limit: int) -> list[Delivery]:
        """The next messages, numbered as this consumer delivers them."""
        found: list[Delivery] = []
        while self.next <= len(self.stream.messages) and len(found) < limit:
            subject, headers, data, time = self.stream.messages[self.next - 1]
            if subject.startswith(self.filters):
                self.delivered += 1
                stamp = int(time.timestamp()) * 1_000_000_000
                reply = f"$JS.ACK.{self.stream.name}.c.1.{self.next}.{self.delivered}.{stamp}.0"
                found.append(Delivery(subject, reply.encode(), data, headers))
            self.next += 1
        return found

    def acknowledge(self, seq: int) -> None:
        """Everything up to here was dealt with (AckPolicy.ALL)."""
        self.acked = max(self.acked, seq)

    def redeliver(self) -> None:
        """The wait for an acknowledgement is over: everything after the last one comes again."""
        self.next = self.acked + 1

    def reset(self, start: int) -> None:
        """Begin at a sequence, with a count of its own."""
        self.next, self.delivered, self.acked = start, 0, start - 1


class MemoryBus:
    """All streams and consumers. The part of `Bus` that relays, sources and the auditor use."""

    names = Names()
    connected = True

    def __init__(self, clock: Clock) -> None:
        self.streams = {stream: Stream(stream, clock) for stream in STREAMS.values()}
        self.consumers = {
            (service, stream): Consumer(self.streams[stream], _starts(subjects))
            for service in SERVICES
            for stream, subjects in sources_of(service).items()
        }

    async def stream_info(self, stream: str) -> tuple[int, int, int]:
        """Messages, first and last sequence."""
        count = len(self.streams[stream].messages)
        return count, min(1, count), count

    async def stream_state(self, stream: str) -> tuple[int, int, None]:
        """Messages, last sequence, and when it was made: here streams are never made anew."""
        count = len(self.streams[stream].messages)
        return count, count, None

    async def message(self, stream: str, seq: int) -> Message | None:
        """The message at a sequence."""
        return self.streams[stream].message(seq)

    @property
    def looking(self) -> MemoryBus:
        """Where consumers are reset."""
        return self

    async def reset_consumer(self, stream: str, durable: str, start: int) -> None:
        """Let a service's consumer begin at a sequence."""
        self.consumers[durable, stream].reset(start)

    async def read(self, stream: str, from_seq: int = 1) -> AsyncIterator[Message]:
        """Messages in order, from a sequence."""
        for seq in range(from_seq, len(self.streams[stream].messages) + 1):
            message = self.streams[stream].message(seq)
            assert message is not None
            yield message


@dataclass
class Publisher:
    """In the place of `chassis/frames.py`: the same frames, with the fate that the schedule has for them."""

    stream: Stream
    interrupt: Interrupt
    fate: list[str] = field(default_factory=list)

    async def publish(self, frames: Sequence[Frame]) -> int:
        """Store them and say where the last one is. Raises `BusAway` where no answer comes."""
        self.interrupt("before_publish")
        fate = self.fate.pop() if self.fate else "stored"
        if fate == "arrives_late":
            self.stream.late.append(list(frames))
        if fate in ("arrives_late", "never_arrives"):
            raise BusAway("no answer in time")
        seq = self._store(frames)
        if fate == "answer_lost":
            raise BusAway("no answer in time")
        self.interrupt("after_publish")
        return seq

    def _store(self, frames: Sequence[Frame]) -> int:
        """A chain may be cut off in its middle; an atomic batch that is cut off never was."""
        atomic = b"Nats-Batch-Id" in frames[0].headers
        if atomic or len(frames) == 1:
            self.interrupt("mid_publish")
            return self.stream.take(frames)
        half = len(frames) // 2
        self.stream.take(frames[:half])
        self.interrupt("mid_publish")
        return self.stream.take(frames[half:])


def _starts(subjects: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(subject.rstrip("*>").encode() for subject in subjects)
