"""Calls to the outside world: each until it is answered, never twice without asking.

Which calls are due is a function of the entities' states. A call that this process has just seen
committed is made at once. Any other one - found at start, or without an answer the last time - may already have
reached the other side: it is asked for by its reference first, and repeated only if the other side does not know it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.batch import Batch
from chassis.breaker import Breaker, RetryBudget
from chassis.crashpoints import crash_point
from chassis.declare import Answer, Call, Effect
from chassis.event_store import StalePosition
from chassis.items import Answered, Item
from chassis.logs import logger
from chassis.reactor import Outcome

AT_HAND_MAX = 10_000
"""Calls kept in memory. The others wait where they are durable anyway, in the store, until there is room."""
PATIENCE_SECONDS = 60.0
GATHER_SECONDS = 0.25
"""Patient calls that become due one by one are made together: their answers then are one transaction."""
QUIET_SECONDS = 0.5
"""How long a patient call waits for a backlog at most; then it is made whatever else there is to do."""

type Key = tuple[str, str]
"""(entity, call key)."""
type Row = tuple[str, str, str]
"""(entity, call key, kind), as the store has it."""


@dataclass(slots=True)
class Lane:
    """The calls of one kind: a bounded number at once, the rest in line."""

    effect: Effect
    waiting: deque[Key] = field(default_factory=deque)
    running: int = 0
    later: int = 0
    gathering: bool = False
    held_since: float = 0.0
    breaker: Breaker = field(default_factory=Breaker)
    budget: RetryBudget = field(default_factory=RetryBudget)


class Effects:
    """Makes the calls that states ask for and hands their answers to the reactor."""

    def __init__(
        self,
        effects: Mapping[str, Effect],
        call_of: Callable[[Key], Awaitable[Call | None]],
        story_of: Callable[[str], Awaitable[str]],
        submit: Callable[[list[Item]], Awaitable[list[Outcome]]],
        busy: Callable[[], bool] = bool,
        stored: Callable[[int], Awaitable[Sequence[Row]]] | None = None,
    ) -> None:
        self._lanes = {kind: Lane(effect) for kind, effect in effects.items()}
        self._call_of = call_of
        self._story_of = story_of
        self._submit = submit
        self._busy = busy
        self._stored = stored
        self._left_in_store = False
        self._known: dict[Key, str] = {}
        self._unsure: set[Key] = set()
        self._doubted: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._gave_way = asyncio.Event()
        self._closed = False
        self.unanswered = dict.fromkeys(effects, 0)
        """Calls without an answer since the start, by kind."""

    def pending_of(self, kind: str) -> int:
        """Calls of one kind that are due or under way, of those at hand."""
        lane = self._lanes[kind]
        return len(lane.waiting) + lane.running + lane.later

    def in_doubt_of(self, kind: str) -> int:
        """Calls of one kind at hand that may have reached the other side already, and have no answer."""
        return sum(self._known.get(key) == kind for key in self._unsure)

    @property
    def pending(self) -> int:
        """Calls that are due or under way: at least so many, where some are left in the store."""
        return len(self._known) + self._left_in_store

    @property
    def failing(self) -> Mapping[str, int]:
        """Calls in a row without an answer, by kind."""
        return {kind: lane.breaker.failures for kind, lane in self._lanes.items() if lane.breaker.failures}

    async def begin(self) -> None:
        """Take up what the store says is due, as many as are kept at hand."""
        if self._stored is not None:
            await self._fetch(self._stored)

    def recover(self, rows: Iterable[Row]) -> None:
        """What the store says is due, at start or when there is room again: it may have been made already."""
        for entity, key, kind in rows:
            if self._enqueue((entity, key), kind):
                self._unsure.add((entity, key))

    def committed(self, batch: Batch) -> None:
        """Calls that became due or were settled. Called on the event loop."""
        for gone in batch.calls_gone:
            self._known.pop(gone, None)
            self._unsure.discard(gone)
            self._doubted.discard(gone)
        for entity, key, kind in batch.calls_due:
            self._enqueue((entity, key), kind)
        self._top_up()

    def doubt_all(self) -> None:
        """Somebody else may have made any of the calls at hand: each is asked for before it is made."""
        self._unsure |= self._known.keys()

    async def run(self) -> None:
        """Look, for ever, whether calls that gave way to a backlog may go on."""
        while True:
            await self._gave_way.wait()
            self._gave_way.clear()
            await asyncio.sleep(QUIET_SECONDS)
            for lane in self._lanes.values():
                self._advance(lane)

    async def stop(self, seconds: float) -> None:
        """Start nothing new; give calls under way a moment to be answered."""
        self._closed = True
        for handle in self._later.values():
            handle.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()

    def _enqueue(self, key: Key, kind: str) -> bool:
        """Put a call in line, unless it is there already or there is no room: then the store keeps it."""
        if key in self._known:
            return False
        if len(self._known) >= AT_HAND_MAX and self._stored is not None:
            self._left_in_store = True
            return False
        self._known[key] = kind
        lane = self._lanes[kind]
        if lane.effect.patient and not lane.waiting:
            lane.gathering = True
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._gathered, lane)
        lane.waiting.append(key)
        self._advance(lane)
        return True

    def _top_up(self) -> None:
        """Fetch what was left in the store, once half of what is at hand is done."""
        if self._left_in_store and self._stored and len(self._known) <= AT_HAND_MAX // 2 and not self._closed:
            self._left_in_store = False
            self._start(self._fetch(self._stored))

    async def _fetch(self, stored: Callable[[int], Awaitable[Sequence[Row]]]) -> None:
        """So many that there are enough among them that are not at hand yet, however few of those are done."""
        asked = 2 * AT_HAND_MAX
        try:
            rows = await stored(asked)
        except BaseException:
            self._left_in_store = True
            raise
        self._left_in_store |= len(rows) == asked
        self.recover(rows)

    def _gathered(self, lane: Lane) -> None:
        lane.gathering = False
        self._advance(lane)

    def _advance(self, lane: Lane) -> None:
        room = self._room(lane)
        while lane.waiting and lane.running < room and not self._closed:
            lane.running += 1
            self._start(self._make(lane, lane.waiting.popleft()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _room(self, lane: Lane) -> int:
        """Calls that may be under way: what the breaker allows; none for a patient lane while a backlog is decided."""
        if not (lane.effect.patient and self._busy()):
            lane.held_since = 0.0
        elif not lane.held_since:
            lane.held_since = time.monotonic()
        held = bool(lane.held_since) and time.monotonic() - lane.held_since < PATIENCE_SECONDS
        if held:
            self._gave_way.set()
        if held or lane.gathering:
            return 0
        return lane.breaker.at_once(lane.effect.at_once, time.monotonic())

    async def _make(self, lane: Lane, key: Key) -> None:
        try:
            call = await self._call_of(key)
            if call is None:
                self._known.pop(key, None)
                return
            await self._make_call(lane, key, call)
        except StalePosition:
            self._closed = (
                True  # the engine has ended of it, and says so: whoever has the store now makes the calls
            )
        finally:
            lane.running -= 1
            self._advance(lane)
            self._top_up()

    async def _make_call(self, lane: Lane, key: Key, call: Call) -> None:
        if key not in self._unsure:
            lane.budget.first_call()
        try:
            answer = await self._answer(lane.effect, key, call)
        except Exception as fault:  # noqa: BLE001 - no answer, whatever the adapter says: it is asked for again
            self._unsure.add(key)
            self.unanswered[call.kind] += 1
            pause = lane.breaker.unanswered(time.monotonic())
            logger().warning(
                "call_unanswered",
                correlation=await self._story_of(key[0]),
                kind=call.kind,
                entity=key[0],
                key=key[1],
                error=repr(fault),
            )
            await self._doubt(lane, key, call, repr(fault))
            self._retry_later(lane, key, pause)
            return
        lane.breaker.answered()
        crash_point("after_call")
        (outcome,) = await self._submit([Answered(call.kind, Answer(*key, call.payload, answer))])
        if outcome.error is not None or not outcome.events:
            self._not_taken(call, key, outcome)
            self._unsure.add(key)
            self._retry_later(lane, key, lane.breaker.pause())

    async def _answer(self, effect: Effect, key: Key, call: Call) -> Any:
        if effect.ask is not None and key in self._unsure:
            known = await effect.ask(key[1], call.payload)
            if known is not None:
                return known
        crash_point("before_call")
        return await effect.call(key[1], call.payload)

    async def _doubt(self, lane: Lane, key: Key, call: Call, fault: str) -> None:
        if lane.effect.in_doubt is None or key in self._doubted:
            return
        self._doubted.add(key)
        (outcome,) = await self._submit([Answered(call.kind, Answer(*key, call.payload, fault), lost=True)])
        if outcome.error is not None:
            self._not_taken(call, key, outcome)

    @staticmethod
    def _not_taken(call: Call, key: Key, outcome: Outcome) -> None:
        logger().error(
            "answer_not_taken",
            correlation=outcome.correlation,
            kind=call.kind,
            entity=key[0],
            key=key[1],
            error=repr(outcome.error),
        )

    def _retry_later(self, lane: Lane, key: Key, pause: float) -> None:
        """Again after this pause, in seconds; it is also when an open breaker lets a probe through."""
        if self._closed:
            return
        lane.later += 1
        self._later[key] = asyncio.get_running_loop().call_later(pause, self._again, lane, key, pause)

    def _again(self, lane: Lane, key: Key, pause: float) -> None:
        del self._later[key]
        lane.later -= 1
        if key not in self._known:
            self._advance(lane)
        elif lane.budget.take(time.monotonic()):
            lane.waiting.append(key)
            self._advance(lane)
        else:
            self._retry_later(lane, key, pause)
            self._advance(lane)
