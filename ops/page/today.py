"""How far today's orders have come: counted from the logs of orders and notify, once, then only what is new.

The first count of a day looks for the day's first event by bisection, since times grow with positions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple, Protocol


class Step(NamedTuple):
    """A step in an order's life: which service's log tells of it, by which event, with which words inside."""

    name: str
    service: str
    type: str
    inside: bytes = b""


STEPS = (
    Step("received", "orders", "orders.OrderReceived.v1"),
    Step("reserved", "orders", "orders.PaymentRequested.v1"),
    Step("paid", "orders", "orders.PaymentConfirmed.v1"),
    Step("released", "orders", "orders.OrderReleased.v1"),
    Step("dispatched", "orders", "orders.ParcelHandedOver.v1"),
    Step("invoiced", "orders", "orders.InvoiceNoted.v1"),
    Step("told", "notify", "notify.NotificationSent.v1", b":parcel_dispatched"),
)
TOLD_BY = {step.service: {s.type: s for s in STEPS if s.service == step.service} for step in STEPS}

CHUNK = 2_000
EVENTS_A_LOOK_MOST = 100_000
"""No look at the page counts more than this; the next one goes on from there."""


class LoggedEvent(Protocol):
    """An event as a store keeps it."""

    @property
    def position(self) -> int:
        """Where it stands in the log."""

    @property
    def type(self) -> str:
        """Its wire type."""

    @property
    def data(self) -> bytes:
        """Its payload."""

    @property
    def headers(self) -> dict[str, str]:
        """`ce-time` and others."""


class Log(Protocol):
    """What is needed of a store."""

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[LoggedEvent]:
        """Events behind a position, in order."""

    def last_position(self) -> int:
        """Position of the newest event."""


@dataclass(slots=True)
class Tally:
    """What one service's log said today, up to a position. Days are those of `zone`."""

    service: str
    zone: tzinfo = UTC
    day: date | None = None
    position: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def catch_up(self, log: Log, today: date) -> None:
        """Count what is new; a new day starts from nothing."""
        if self.day != today:
            self.day, self.counts, self.position = today, Counter(), before_day(log, today, self.zone)
        for _ in range(EVENTS_A_LOOK_MOST // CHUNK):
            events = log.events(after=self.position, limit=CHUNK)
            self.counts.update(step for event in events if (step := step_of(self.service, event)))
            if not events:
                return
            self.position = events[-1].position


def step_of(service: str, event: LoggedEvent) -> str:
    """The step an event is about, or nothing."""
    step = TOLD_BY[service].get(event.type)
    return step.name if step and step.inside in event.data else ""


def before_day(log: Log, day: date, zone: tzinfo = UTC) -> int:
    """The last position before the day's first event."""
    low, high = 0, log.last_position()
    while low < high:
        middle = (low + high) // 2
        found = log.events(after=middle, limit=1)
        if not found or day_of(found[0], zone) >= day:
            high = middle
        else:
            low = middle + 1
    return low


def day_of(event: LoggedEvent, zone: tzinfo) -> date:
    """The day on which an event was recorded."""
    return datetime.fromisoformat(event.headers["ce-time"]).astimezone(zone).date()
