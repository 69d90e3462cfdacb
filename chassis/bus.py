"""The connection to NATS JetStream: streams read and written, and what the server says about them.

FastStream's broker owns the connection and the subscriptions; what it does not offer (atomic batches, consumer reset,
reading a stream from a position) goes through its nats-py client here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import nats.errors
from faststream.exceptions import IncorrectState
from faststream.nats import NatsBroker
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from chassis.bus_away import AWAY as AWAY
from chassis.bus_away import DISCONNECTED as DISCONNECTED
from chassis.bus_away import BusAway as BusAway
from chassis.declare import Message
from chassis.login import Login, configured
from chassis.logs import logger
from chassis.names import Names
from chassis.stream_reading import read_to_end
from chassis.tap import Tap

PUBLISH_TIMEOUT_SECONDS = 5.0
LOOK_TIMEOUT_SECONDS = 2.0
"""A stream that has just lost its leader does not answer at all: who only looks, asks again rather than wait long."""
CONNECT_DEADLINE_SECONDS = 10.0
REFUSING_SECONDS = 15.0
"""For how long a message that was not stored speaks for the next ones: then one may be tried again."""


class Bus:
    """One connection, with the names of one cell."""

    def __init__(self, broker: NatsBroker, names: Names) -> None:
        self.broker = broker
        self.names = names
        self.on_reconnect: list[Callable[[], Awaitable[None]]] = []
        self.closing = False
        self._tap: Tap | None = None
        self._refused_at: float | None = None

    @property
    def client(self) -> Any:
        """The nats-py client under FastStream's broker."""
        return self.broker.connection

    @property
    def jetstream(self) -> JetStreamContext:
        """nats-py's JetStream context on this connection."""
        return self.client.jetstream(timeout=PUBLISH_TIMEOUT_SECONDS)  # type: ignore[no-any-return]

    @property
    def looking(self) -> JetStreamContext:
        """The same for questions that can be asked again at any time."""
        return self.client.jetstream(timeout=LOOK_TIMEOUT_SECONDS)  # type: ignore[no-any-return]

    @property
    def tap(self) -> Tap:
        """Raw deliveries of this connection."""
        if self._tap is None:
            self._tap = Tap(self.client)
        return self._tap

    @property
    def connected(self) -> bool:
        """Whether the connection stands right now."""
        try:
            return bool(self.client.is_connected)
        except IncorrectState:
            return False  # not opened yet, or closed

    @property
    def server_certificate(self) -> dict[str, Any] | None:
        """What the server proved itself with, as `ssl` decodes it; None without TLS, or without a connection."""
        if not self.connected:
            return None
        writer = getattr(self.client._transport, "_io_writer", None)
        return writer.get_extra_info("peercert") if writer else None

    @property
    def refusing(self) -> bool:
        """Whether the last message was not stored, a moment ago: a disk or a stream is full, or nobody answers."""
        return self._refused_at is not None and time.monotonic() - self._refused_at < REFUSING_SECONDS

    async def publish(
        self, subject: str, data: bytes, headers: dict[str, str] | None = None, message_id: str | None = None
    ) -> int:
        """Store one message; returns its sequence once JetStream has it on disk. Raises `BusAway`."""
        if not self.connected:
            raise BusAway("no connection to NATS")
        wire = dict(headers or {})
        if message_id:
            wire[api.Header.MSG_ID.value] = message_id
        try:
            ack = await self.jetstream.publish(self.names.subject(subject), data, headers=wire or None)
        except DISCONNECTED as away:
            self._refused_at = time.monotonic()
            raise BusAway(f"NATS did not store the message: {type(away).__name__}") from away
        except APIError as refused:
            self._refused_at = time.monotonic()
            raise BusAway(f"NATS refused the message: {refused.description}") from refused
        self._refused_at = None
        return ack.seq

    async def publish_many(self, subject: str, bodies: Sequence[bytes]) -> int:
        """Store messages of one subject together, all or none; returns the last one's sequence. Raises `BusAway`."""
        wire = self.names.subject(subject)
        batch = {"Nats-Batch-Id": uuid4().hex}
        try:
            for number, body in enumerate(bodies[:-1], 1):
                await self.client.publish(wire, body, headers=batch | {"Nats-Batch-Sequence": str(number)})
            last = {"Nats-Batch-Sequence": str(len(bodies)), "Nats-Batch-Commit": "1"}
            ack = await self.jetstream.publish(wire, bodies[-1], headers=batch | last)
        except (*DISCONNECTED, APIError) as away:
            raise BusAway(f"NATS did not store {len(bodies)} messages: {away}") from away
        return ack.seq

    async def stream_info(self, stream: str) -> tuple[int, int, int]:
        """(messages, first sequence, last sequence) of a stream. Raises `BusAway`, or `NotFoundError`."""
        try:
            state = (await self.looking.stream_info(self.names.stream(stream))).state
        except DISCONNECTED as away:
            raise BusAway(f"no answer about {stream}") from away
        return state.messages, state.first_seq, state.last_seq

    async def stream_state(self, stream: str) -> tuple[int, int, datetime | None]:
        """(messages, last sequence, when it was made) of a stream. Raises what `AWAY` names."""
        found = await self.looking.stream_info(self.names.stream(stream))
        return found.state.messages, found.state.last_seq, found.created

    async def copies_away(self, stream: str) -> list[str]:
        """Servers that should hold a copy of a stream, and are away or lack messages. Raises what `AWAY` names."""
        cluster = (await self.looking.stream_info(self.names.stream(stream))).cluster
        copies = (cluster.replicas if cluster else None) or []
        return sorted(copy.name or "" for copy in copies if copy.offline or not copy.current)

    async def newest(self, stream: str) -> int:
        """The sequence of the newest message that is there. Raises `BusAway`, or `NotFoundError` where none is."""
        try:
            return int((await self.looking.get_last_msg(self.names.stream(stream), ">")).seq or 0)
        except DISCONNECTED as away:
            raise BusAway(f"no answer about {stream}") from away

    async def message(self, stream: str, seq: int) -> Message | None:
        """The message at a sequence, or None if there is none (any more)."""
        try:
            raw = await self.looking.get_msg(self.names.stream(stream), seq, direct=True)
        except NotFoundError:
            return None
        except DISCONNECTED as away:
            raise BusAway(f"no answer about {stream}/{seq}") from away
        return Message(
            stream,
            int(raw.seq or seq),
            raw.subject or "",
            raw.headers or {},
            raw.data or b"",
            _moment(raw.headers or {}),
        )

    async def consumer_lag(self, stream: str, durable: str) -> int:
        """Messages that a consumer has still to get or to acknowledge. Raises `BusAway`."""
        try:
            info = await self.looking.consumer_info(self.names.stream(stream), durable)
        except (*DISCONNECTED, NotFoundError) as away:
            raise BusAway(f"no answer about {stream}/{durable}") from away
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def read(self, stream: str, from_seq: int = 1) -> AsyncIterator[Message]:
        """Every message from a sequence to the present end of the stream, for audits; leaves nothing on the server.

        Raises `BusAway` where it cannot be read to its end.
        """
        async with aclosing(read_to_end(self, stream, from_seq)) as found:
            async for message in found:
                yield message

    async def close(self) -> None:
        """Close the connection after what is under way; where it does not stand, there is nobody to take leave of."""
        self.closing = True
        with suppress(nats.errors.ConnectionReconnectingError):
            await self.broker.stop()


def _moment(headers: Any) -> datetime:
    stamp = headers.get("Nats-Time-Stamp")
    return datetime.fromisoformat(stamp) if stamp else datetime.now(UTC)


def make_broker(url: str, name: str, login: Login, bus_of: Callable[[], Bus | None]) -> NatsBroker:
    """A FastStream broker that never gives up reconnecting and says what happens to the connection."""

    last_fault = ""

    async def reconnected() -> None:
        nonlocal last_fault
        last_fault = ""
        logger().info("bus_reconnected")
        bus = bus_of()
        for act in bus.on_reconnect if bus else ():
            await act()

    async def disconnected() -> None:
        bus = bus_of()
        if bus is None or not bus.closing:
            logger().warning("bus_disconnected")

    async def failed(error: Exception) -> None:
        """Say each fault once, not at every attempt to reconnect."""
        nonlocal last_fault
        fault = str(error) or type(error).__name__
        if fault != last_fault:
            last_fault = fault
            logger().warning("bus_error", error=fault)

    return NatsBroker(
        url,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,  # type: ignore[arg-type]
        pending_size=32 * 1024 * 1024,
        ping_interval=10,
        max_outstanding_pings=2,
        apply_types=False,
        logger=None,
        reconnected_cb=reconnected,
        disconnected_cb=disconnected,
        error_cb=failed,
        **login.options(),
    )


async def open_bus(
    url: str,
    name: str,
    names: Names | None = None,
    deadline_seconds: float = CONNECT_DEADLINE_SECONDS,
    login: Login | None = None,
) -> Bus:
    """Connect as the configured user, or as another. Raises `BusAway` with the address: after the deadline, and at once
    where the server does not let this user in.
    """
    bus: Bus | None = None
    broker = make_broker(url, name, login or configured(), lambda: bus)
    bus = Bus(broker, names or Names())
    try:
        await asyncio.wait_for(broker.connect(), deadline_seconds)
    except (*DISCONNECTED, nats.errors.NoServersError) as away:
        raise BusAway(f"no NATS server at {url}: is it running? (`doorstep up` starts one)") from away
    except nats.errors.Error as refused:
        raise BusAway(f"the NATS server at {url} does not let us in: {refused}") from refused
    return bus


@asynccontextmanager
async def connect(
    url: str,
    name: str,
    names: Names | None = None,
    deadline_seconds: float = CONNECT_DEADLINE_SECONDS,
    login: Login | None = None,
) -> AsyncIterator[Bus]:
    """A connection for the length of a block."""
    bus = await open_bus(url, name, names, deadline_seconds, login)
    try:
        yield bus
    finally:
        await bus.close()
