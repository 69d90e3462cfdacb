"""I3: every order is in exactly one state, reached by allowed transitions only.

The table is the auditor's own, written from the published events (reference 4.2, order axis), not
taken from the orders service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import orjson

from chassis.batch import StoredEvent
from ops.verify.evidence import Evidence, Facts, spot
from ops.verify.scan import Reader
from ops.verify.verdict import Tally, Verdict

UNKNOWN, RECEIVED, ACCEPTED, RELEASED = "unknown", "received", "accepted", "released"
CANCELLING, CANCELLED, FULFILLED = "cancel_pending", "cancelled", "fulfilled"
KNOWN = (RECEIVED, ACCEPTED, RELEASED, CANCELLING, CANCELLED, FULFILLED)
AT_WAREHOUSE = (RELEASED, CANCELLING)
OPEN = (RECEIVED, ACCEPTED, RELEASED)


def _stays(*states: str) -> dict[str, str]:
    return {state: state for state in states}


TRANSITIONS: dict[str, dict[str, str]] = {
    "OrderReceived": {UNKNOWN: RECEIVED},
    "OrderRevised": _stays(*KNOWN),
    "OrderAccepted": {RECEIVED: ACCEPTED, **_stays(ACCEPTED, RELEASED)},
    "OrderHeld": _stays(*OPEN),
    "HoldReleased": _stays(*OPEN),
    "PaymentAwaited": _stays(ACCEPTED),
    "PaymentRequested": _stays(ACCEPTED),
    "PaymentConfirmed": _stays(*KNOWN),
    "RefundConfirmed": _stays(*KNOWN),
    "OrderReleased": {ACCEPTED: RELEASED},
    "CancellationRequested": {RELEASED: CANCELLING},
    "CancellationDeclined": {CANCELLING: RELEASED},
    "OrderCancelled": dict.fromkeys((*OPEN, CANCELLING), CANCELLED),
    "RefundReported": _stays(CANCELLED),
    "ParcelHandedOver": _stays(*AT_WAREHOUSE),
    "ParcelProgressed": _stays(*KNOWN),
    "InvoiceNoted": _stays(*KNOWN),
    "OrderFulfilled": dict.fromkeys((ACCEPTED, RELEASED), FULFILLED),
}
"""Event -> state before -> state after. A pair that is not here is not allowed.

An order is accepted again where its stock has to be asked for again, even at the warehouse; one that is
fulfilled before it was released had nothing to ship.
"""


@dataclass(slots=True)
class Course:
    """How far an order has come, as its events tell it."""

    state: str = UNKNOWN
    holds: set[str] = field(default_factory=set)
    handed_over: bool = False
    ended_at: int = 0


class Orders:
    """Walks each order through the table. Other auditors ask it how an order ended."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._tally = Tally("I3")
        self.courses: dict[str, Course] = {}
        self.reads: dict[str, Reader] = {
            f"orders.{name}.v1": partial(self._step, name) for name in TRANSITIONS
        }

    def _step(self, name: str, event: StoredEvent, facts: Facts) -> None:
        course = self.courses.setdefault(facts["order_id"], Course())
        after = TRANSITIONS[name].get(course.state)
        self._tally.check(after is not None, spot(event), f"{name} while the order was {course.state}")
        self._guard(name, course, event, facts)
        course.state = after or course.state
        if course.state in (CANCELLED, FULFILLED) and not course.ended_at:
            course.ended_at = event.position

    def _guard(self, name: str, course: Course, event: StoredEvent, facts: Facts) -> None:
        match name:
            case "OrderHeld":
                course.holds.add(facts["reason"])
            case "HoldReleased":
                course.holds.discard(facts["reason"])
            case "ParcelHandedOver":
                course.handed_over = True
            case "OrderReleased" if course.holds:
                self._tally.fault(spot(event), f"released while held: {', '.join(sorted(course.holds))}")
            case "OrderCancelled" if course.handed_over:
                self._tally.fault(spot(event), "cancelled after a parcel was handed over")
            case "OrderFulfilled" if course.state == RELEASED and not course.handed_over:
                self._tally.fault(spot(event), "fulfilled with no parcel handed over")

    def conclude(self) -> Iterable[Verdict]:
        """Compare the state reached by the events with the state that the service shows."""
        for entity, _, _, state in self._evidence.stores["orders"].entities():
            kind, _, order_id = entity.partition("/")
            if kind != "order":
                continue
            shown = orjson.loads(state).get("state")
            reached = self.courses.get(order_id, Course()).state
            self._tally.check(shown == reached, entity, f"shown as {shown}, its events lead to {reached}")
        return (self._tally.verdict(),)
