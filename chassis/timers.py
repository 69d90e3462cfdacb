"""What is due later: a projection of the log, looked at when the next one is due, never polled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from chassis.batch import Batch
from chassis.clock import Clock, from_rfc3339, rfc3339
from chassis.items import Due
from chassis.logs import logger
from chassis.reactor import Outcome

DUE_MAX = 500
FURTHEST_SECONDS = 3600.0
CLOCK_SECONDS = 5.0
"""How often the wall clock is looked at while a timer waits: it may be set right meanwhile."""
BETWEEN_SECONDS = 0.1
"""After one batch of timers, what comes due meanwhile is gathered into the next: none is meant to the millisecond."""
SNOOZE = timedelta(seconds=60)
"""A timer whose decision changed nothing, or raised, would be due again at once: it is tried again after this."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)

type Row = tuple[str, str, str]
"""(entity, name, due) of a timer."""
type DueTimers = Callable[[str, int], Awaitable[list[Row]]]


class Timers:
    """Fires due timers into the reactor, in batches, earliest first."""

    def __init__(
        self,
        clock: Clock,
        due: DueTimers,
        next_due: Callable[[], Awaitable[str | None]],
        fire: Callable[[list[Due]], Awaitable[list[Outcome]]],
    ) -> None:
        self._clock = clock
        self._due = due
        self._next_due = next_due
        self._fire = fire
        self._next: str | None = None
        self._wake = asyncio.Event()
        self._snoozed: dict[Row, str] = {}
        self._set_late: dict[tuple[str, str], datetime] = {}

    def committed(self, batch: Batch) -> None:
        """New timers are durable. Called on the event loop."""
        self._remember_set_late(batch)
        if batch.timers_due:
            earliest = min(due for _, _, due in batch.timers_due)
            if self._next is None or earliest < self._next:
                self._next = earliest
                self._wake.set()

    def late_by(self, row: Row) -> timedelta:
        """How long a timer could have fired and did not: since its time, or since it was set, if that was later.

        A SKU that was quiet for a day says at its first change that it could be told of since yesterday: that is due,
        and not late. After a restart only its time is known.
        """
        entity, name, due = row
        since = max(from_rfc3339(due), self._set_late.get((entity, name), LONG_AGO))
        return self._clock() - since

    def _remember_set_late(self, batch: Batch) -> None:
        """As many as are over their time and not fired yet: a timer that is set anew or gone is forgotten."""
        for key in batch.timers_gone:
            self._set_late.pop(key, None)
        now = self._clock()
        said = rfc3339(now)
        for entity, name, due in batch.timers_due:
            if due < said:
                self._set_late[entity, name] = now
            else:
                self._set_late.pop((entity, name), None)

    async def run(self) -> None:
        """Fire for ever."""
        while True:
            self._next = None
            stored = await self._next_due()  # what is committed while it is read says so itself
            self._next = self._soonest(min(filter(None, (stored, self._next)), default=None))
            await self._sleep_until_due()
            now = rfc3339(self._clock())
            rows = [row for row in await self._due(now, DUE_MAX) if self._snoozed.get(row, "") <= now]
            if rows:
                await self._fire_all(rows)
            if len(rows) < DUE_MAX:
                await asyncio.sleep(BETWEEN_SECONDS)

    def _soonest(self, due: str | None) -> str | None:
        """The next due time; while snoozed timers lie in the past, not before the earliest of them wakes."""
        self._snoozed = {row: until for row, until in self._snoozed.items() if until > rfc3339(self._clock())}
        if due is None or not self._snoozed:
            return due
        return max(due, min(min(self._snoozed.values()), rfc3339(self._clock() + timedelta(seconds=1))))

    async def _sleep_until_due(self) -> None:
        while True:
            self._wake.clear()
            seconds = FURTHEST_SECONDS
            if self._next is not None:
                seconds = (from_rfc3339(self._next) - self._clock()).total_seconds()
            if seconds <= 0:
                return
            try:
                await asyncio.wait_for(
                    self._wake.wait(), min(seconds, CLOCK_SECONDS if self._next else seconds)
                )
            except TimeoutError:
                if self._next is None:
                    return

    async def _fire_all(self, rows: list[Row]) -> None:
        outcomes = await self._fire([Due(entity, name) for entity, name, _ in rows])
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome.error is not None:
                logger().error(
                    "timer_failed",
                    correlation=outcome.correlation,
                    entity=row[0],
                    timer=row[1],
                    error=repr(outcome.error),
                )
        idle = [row for row, outcome in zip(rows, outcomes, strict=True) if not outcome.events]
        if idle:
            still_due = set(await self._due(rfc3339(self._clock()), DUE_MAX))
            self._snoozed |= {row: rfc3339(self._clock() + SNOOZE) for row in idle if row in still_due}
