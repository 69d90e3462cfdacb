"""Who is let in: a bounded number of requests at once, the others turned away at the door, at once and cheaply.

The bounds and what they protect are listed in docs/overload.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware

from chassis.http import RETRY_AFTER_SECONDS, Handler, problem
from chassis.logs import logger

REQUESTS_AT_ONCE_MAX = 512
"""Requests in progress in one service, whatever they ask."""
ALWAYS_ANSWERED = frozenset({"/livez", "/readyz", "/metrics"})


class TooBusy(Exception):
    """More is asked than can be done in good time; the text says of what there is too much. Ask again later."""


class Admission:
    """The door of a route: so many requests inside at most, and none while `backlog()` says what is waiting.

    Whoever is turned away has cost next to nothing, so that those inside are served as if nobody else were there.
    """

    def __init__(self, at_once: int, backlog: Callable[[], str] = str) -> None:
        self._at_once = at_once
        self._backlog = backlog
        self._inside = 0
        self._turned_away = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Be inside for the length of a block. Raises `TooBusy`, at once."""
        full = f"{self._inside} requests are in progress" if self._inside >= self._at_once else ""
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
