"""Who is let in: a bounded number of requests at once, the others turned away at the door, at once and cheaply.

How many are served in good time depends on the machine and on what else it does, so where a time is given the bound
follows what is measured: the more each one beside them costs those inside, the fewer are let in.

The bounds and what they protect are listed in docs/overload.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware

from chassis.http import RETRY_AFTER_SECONDS, Handler, problem
from chassis.logs import logger

REQUESTS_AT_ONCE_MAX = 512
"""Requests in progress in one service, whatever they ask."""
AT_ONCE_MIN = 2
EACH_SECONDS_MIN = 1e-6
WORSE_WEIGHT, BETTER_WEIGHT = 0.2, 0.05
"""How much one request changes what is known of the pace."""
ALWAYS_ANSWERED = frozenset({"/livez", "/readyz", "/metrics"})


class TooBusy(Exception):
    """More is asked than can be done in good time; the text says of what there is too much. Ask again later."""


class Pace:
    """How many at once are served within `seconds`, as far as those show who were.

    A request that took `t` beside `n - 1` others at most took `t / n` for each, so `seconds / (t / n)` can be inside.
    It is learnt from every one that succeeded, soon when it gets worse, slowly when it gets better.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._crowds: dict[object, int] = {}
        """Those being served now, each with how many there were at most since it came."""
        self._each = 0.0

    @property
    def at_once(self) -> int:
        """The bound; never so low that nothing would be learnt any more."""
        return max(AT_ONCE_MIN, int(self._seconds / max(self._each, EACH_SECONDS_MIN)))

    @contextmanager
    def serving(self) -> Iterator[None]:
        """One is served for the length of a block. Its failure says nothing of the pace."""
        me, started = object(), self._clock()
        self._crowds[me] = 0
        for one, crowd in self._crowds.items():
            self._crowds[one] = max(crowd, len(self._crowds))
        try:
            yield
            self._learn((self._clock() - started) / self._crowds[me])
        finally:
            del self._crowds[me]

    def _learn(self, each: float) -> None:
        weight = WORSE_WEIGHT if each > self._each else BETTER_WEIGHT
        self._each += weight * (each - self._each)


class Admission:
    """The door of a route: so many requests inside at most, and none while `backlog()` says what is waiting.

    With a `pace`, only as many as it says are served in good time. Whoever is turned away has cost next to nothing, so
    that those inside are served as if nobody else were there.
    """

    def __init__(self, at_once: int, backlog: Callable[[], str] = str, pace: Pace | None = None) -> None:
        self._at_once = at_once
        self._backlog = backlog
        self._pace = pace
        self._inside = 0
        self._turned_away = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Be inside for the length of a block. Raises `TooBusy`, at once."""
        room = self._at_once if self._pace is None else min(self._at_once, self._pace.at_once)
        full = f"{self._inside} requests are in progress" if self._inside >= room else ""
        if reason := full or self._backlog():
            self._turn_away(reason)
        self._let_in()
        try:
            yield
        finally:
            self._inside -= 1

    def _turn_away(self, reason: str) -> None:
        if not self._turned_away:
            logger().warning("requests_turned_away", reason=reason)
        self._turned_away += 1
        raise TooBusy(f"{reason}; try again later")

    def _let_in(self) -> None:
        if self._turned_away:
            logger().warning("requests_admitted_again", turned_away=self._turned_away)
        self._turned_away = 0
        self._inside += 1


def too_busy(reason: TooBusy) -> web.Response:
    """429, with when to ask again."""
    return problem(429, str(reason), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def bounded(at_once: int) -> Middleware:
    """A middleware that answers 429 beyond so many requests in progress, but to those who ask after our health."""
    admission = Admission(at_once)

    @web.middleware
    async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in ALWAYS_ANSWERED:
            return await handler(request)
        try:
            with admission.enter():
                return await handler(request)
        except TooBusy as reason:
            return too_busy(reason)

    return admitted
