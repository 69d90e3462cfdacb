"""Between the event loop and the writer's thread: what happened goes in as batches, what it caused comes back durable.

Whatever arrives while a batch is being committed makes up the next one, so that batches grow with the load and an
idle system answers at once.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError

from chassis.batch import Batch, StoredEvent
from chassis.declare import Call, kind_of
from chassis.event_store import StalePosition, Store
from chassis.items import Asked, Incoming, Item
from chassis.logs import logger
from chassis.metrics import Meter
from chassis.pauses import pause
from chassis.reactor import Committed, Outcome, Reactor

ITEMS_PER_BATCH_MAX = 1000
COMMANDS_WAITING_MAX = 2000
BUSY_MESSAGES_PER_SECOND = 400.0
"""From here on a backlog is being decided, or as good as: what can wait, waits."""
STORE_RETRY_SECONDS = (0.25, 0.75)
ON_THE_SPOT_ITEMS_MAX = 64
ON_THE_SPOT_SECONDS_MAX = 0.04
OFF_THE_LOOP_SECONDS = 1.0
"""A small batch is decided on the event loop: two changes of thread would cost more than the batch itself. Not while
somebody waits there for an answer; and not for a while after one took too long, for then the disk is slow."""
TURNS_BETWEEN = 4
"""Turns of the event loop that everybody else has before a batch: what the one before caused is on its way by then, and
what lay in the connection has arrived and is decided with it (ADR 17)."""

type Waiting = tuple[Sequence[Item], asyncio.Future[list[Outcome]]]
"""Items that were handed in together, and whoever waits for what they cause."""


class Overloaded(Exception):
    """Too many commands are waiting to be decided. Try again in a moment."""


class Flow:
    """How many messages came in over about the last second: a count that decays."""

    def __init__(self) -> None:
        self._count = 0.0
        self._at = time.monotonic()

    def add(self, messages: int) -> None:
        """So many more came in just now."""
        self._count = self.per_second() + messages
        self._at = time.monotonic()

    def per_second(self) -> float:
        """The present rate."""
        return self._count * math.exp(self._at - time.monotonic())


class Engine:
    """Feeds the reactor. Everything a service does goes through `submit`."""

    def __init__(self, reactor: Reactor, store: Store, meter: Meter) -> None:
        self.reactor = reactor
        self.store = store
        self.listeners: list[Callable[[Batch], None]] = []
        self.writable = True
        self._guests = 0
        self.observers: list[Callable[[list[Item], Committed, float], None]] = [meter.batch]
        """Told of each batch when everybody else has been: the items, what they caused, the seconds it took."""
        self._queue: deque[Waiting] = deque()
        self._taken: list[Waiting] = []
        self._ended: Exception | None = None
        self._wake = asyncio.Event()
        self._waiting = 0
        self._flow = Flow()
        self._off_the_loop_until = 0.0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="reader")

    async def submit(self, items: Sequence[Item]) -> list[Outcome]:
        """Have items decided and committed; returns what each caused, or how it failed, once that is durable.

        Raises what `run` ended with, if it has: nobody decides any more.
        """
        if self._ended is not None:
            raise self._ended
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append((items, future))
        self._waiting += len(items)
        self._wake.set()
        return await future

    async def command(self, command: Any, command_id: str) -> Outcome:
        """Have one command decided. Raises `Overloaded` when too many are waiting."""
        if self._waiting > COMMANDS_WAITING_MAX:
            raise Overloaded("too many commands are waiting; try again in a moment")
        (outcome,) = await self.submit([Asked(command, command_id)])
        return outcome

    async def run(self, room: Callable[[], Any]) -> None:
        """Process batches for ever; `room` is awaited before each, so that the store stays near the stream.

        Raises `StalePosition` when another process wrote to the store: then this one must stop. Whoever waits for an
        outcome is told the same.
        """
        try:
            while True:
                await self._run_once(room)
        except Exception as reason:
            self._ended = reason
            for items, future in (*self._taken, *self._queue):
                if items and not future.done():
                    future.set_exception(reason)
            raise

    async def _run_once(self, room: Callable[[], Any]) -> None:
        while not self._queue:
            self._wake.clear()
            await self._wake.wait()
        await room()
        for _ in range(TURNS_BETWEEN):
            await asyncio.sleep(0)
        self._taken = self._collect()
        items = [item for items, _ in self._taken for item in items]
        self._flow.add(sum(isinstance(item, Incoming) for item in items))
        began = time.perf_counter()
        committed = await self._process(items, room)
        self._waiting -= len(items)
        for listener in self.listeners:
            listener(committed.batch)
        self._hand_back(self._taken, committed.outcomes)
        seconds = time.perf_counter() - began
        for observe in self.observers:
            observe(items, committed, seconds)

    @contextmanager
    def guest(self) -> Iterator[None]:
        """Somebody waits on the event loop for an answer: decisions stay off it meanwhile."""
        self._guests += 1
        try:
            yield
        finally:
            self._guests -= 1

    @property
    def busy(self) -> bool:
        """Whether messages come in faster than what can wait should be done beside them."""
        return self._flow.per_second() > BUSY_MESSAGES_PER_SECOND

    def _collect(self) -> list[Waiting]:
        taken = []
        count = 0
        while self._queue and count < ITEMS_PER_BATCH_MAX:
            taken.append(self._queue.popleft())
            count += len(taken[-1][0])
        return taken

    async def _process(self, items: list[Item], room: Callable[[], Any]) -> Committed:
        """One batch, again until the store takes it: as nothing was committed, or to find out whether it was."""
        while True:
            try:
                committed = await self._decide(self._still_new(items))
            except StalePosition:
                raise
            except PersistenceError as trouble:
                self.writable = False
                logger().error("store_not_writable", error=str(trouble), items=len(items))
                await pause(STORE_RETRY_SECONDS)
                await room()
                continue
            self.writable = True
            return committed

    async def _decide(self, items: list[Item]) -> Committed:
        started = time.monotonic()
        crowded = self._guests or len(items) > ON_THE_SPOT_ITEMS_MAX or started < self._off_the_loop_until
        if crowded or not self.store.in_process:
            return await asyncio.get_running_loop().run_in_executor(self._writer, self.reactor.process, items)
        try:
            return self.reactor.process(items)
        finally:
            if time.monotonic() - started > ON_THE_SPOT_SECONDS_MAX:
                self._off_the_loop_until = time.monotonic() + OFF_THE_LOOP_SECONDS

    def _still_new(self, items: list[Item]) -> list[Item]:
        """Guard the order: a source's message at or below its position would be applied twice."""
        positions = self.reactor.positions
        for item in items:
            if isinstance(item, Incoming):
                known = positions.get(item.message.stream)
                if known is not None and item.position <= known.position:
                    raise StalePosition(f"{item.message.id} was handed in again at position {item.position}")
        return items

    @staticmethod
    def _hand_back(taken: Sequence[Waiting], outcomes: list[Outcome]) -> None:
        start = 0
        for items, future in taken:
            if not future.done():
                future.set_result(outcomes[start : start + len(items)])
            start += len(items)

    async def read[T](self, look: Callable[[], T]) -> T:
        """Look something up in the store without blocking the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, look)

    async def read_patiently[T](self, look: Callable[[], T]) -> T:
        """The same for what nobody waits for: while the store does not answer, again and again."""
        failed = False
        while True:
            try:
                found = await self.read(look)
            except (InterfaceError, OperationalError) as trouble:
                self.writable, failed = False, True
                logger().error("store_not_readable", error=str(trouble))
                await pause(STORE_RETRY_SECONDS)
                continue
            self.writable = self.writable or failed
            return found

    def nudge(self) -> None:
        """Have done what is done before each batch, though there is none."""
        self._queue.append(((), asyncio.get_running_loop().create_future()))
        self._wake.set()

    async def require_untouched(self) -> None:
        """Between two batches: the store is as the last one left it, or as one in doubt would have.

        Raises `StalePosition` if somebody else wrote to it.
        """
        store = self.store
        found = await self.read_patiently(
            lambda: (store.last_position(), store.last_link(), store.positions())
        )
        if found not in self.reactor.left_behind:
            raise StalePosition(
                f"position {self.reactor.last_position} was the last one here, the store is at {found[0]}:"
                " another process wrote to it meanwhile"
            )

    async def events_after(self, position: int, limit: int) -> list[StoredEvent]:
        """Stored events after a position, for the relay."""
        return await self.read_patiently(lambda: self.store.events(after=position, limit=limit))

    async def states(self, entities: Sequence[str], *, patiently: bool = False) -> list[Any]:
        """Committed states, in the order asked; None for what does not exist."""
        look = self.read_patiently if patiently else self.read
        cache = self.reactor.cache
        held = {entity: cache.peek(entity) for entity in entities}
        missing = [entity for entity, at_hand in held.items() if at_hand is None]
        rows = await look(lambda: self.store.load(missing)) if missing else {}
        return [
            at_hand.state
            if at_hand is not None
            else (cache.decode(entity, rows[entity].state) if entity in rows else None)
            for entity, at_hand in ((entity, held[entity]) for entity in entities)
        ]

    async def call_of(self, key: tuple[str, str]) -> Call | None:
        """The call that an entity's committed state asks for under a key, if it still does."""
        (state,) = await self.states([key[0]], patiently=True)
        return None if state is None else self.reactor.kinds[kind_of(key[0])].calls(state).get(key[1])

    async def story_of(self, entity: str) -> str:
        """The correlation id of what an entity's calls are about, for the log."""
        return await self.read_patiently(lambda: self.reactor.story_of(entity))

    def close(self) -> None:
        """Finish the batch under way and stop the threads."""
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
