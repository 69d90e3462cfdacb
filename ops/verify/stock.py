"""I5 and I6: stock is the sum of its movements at every moment, never oversold; and every reservation ends.

Recomputed from the movements alone: what was received, corrected and dispatched, promised and given back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import orjson

from chassis.batch import StoredEvent
from ops.verify.evidence import Evidence, Facts, spot
from ops.verify.orders import CANCELLED, FULFILLED, Orders
from ops.verify.scan import Reader
from ops.verify.verdict import Tally, Verdict

type Place = tuple[str, str]
"""A SKU at a location."""


@dataclass(slots=True)
class Promise:
    """The open reservation of an order: what is still promised, and where that was last said."""

    where: str
    open: Counter[Place] = field(default_factory=Counter)


class Stock:
    """Keeps two numbers per SKU and location, and looks at them after every movement."""

    def __init__(self, evidence: Evidence, orders: Orders) -> None:
        self._evidence, self._orders = evidence, orders
        self._levels, self._endings = Tally("I5"), Tally("I6")
        self._on_hand: Counter[Place] = Counter()
        self._reserved: Counter[Place] = Counter()
        self._sku_on_hand: Counter[str] = Counter()
        self._sku_reserved: Counter[str] = Counter()
        self._promises: dict[str, Promise] = {}
        self._handed_over: dict[str, int] = {}
        self.reads: dict[str, Reader] = {
            "inventory.StockReceived.v1": self._moved,
            "inventory.StockAdjusted.v1": self._moved,
            "inventory.StockReserved.v1": self._promised,
            "inventory.ReservationReleased.v1": partial(self._given_back, "released"),
            "inventory.ReservationExpired.v1": partial(self._given_back, "expired"),
            "inventory.StockDispatched.v1": self._dispatched,
            "inventory.AvailabilityChanged.v2": self._told,
            "shipping.ParcelDispatched.v1": self._left_the_house,
        }

    def _moved(self, event: StoredEvent, facts: Facts) -> None:
        self._move(event, (facts["sku"], facts["location"]), on_hand=facts["quantity"])

    def _move(self, event: StoredEvent, place: Place, on_hand: int = 0, reserved: int = 0) -> None:
        self._on_hand[place] += on_hand
        self._reserved[place] += reserved
        self._sku_on_hand[place[0]] += on_hand
        self._sku_reserved[place[0]] += reserved
        here, promised = self._on_hand[place], self._reserved[place]
        fits = 0 <= promised <= here
        self._levels.check(
            fits, spot(event), f"{place[0]} at {place[1]}: {here} on hand, {promised} reserved"
        )

    def _promised(self, event: StoredEvent, facts: Facts) -> None:
        promise = self._promises.setdefault(facts["order_id"], Promise(spot(event)))
        if +promise.open:
            self._endings.fault(spot(event), "promised again while the promise before it is open")
        promise.where = spot(event)
        for place, quantity in _places(facts).items():
            promise.open[place] += quantity
            self._move(event, place, reserved=quantity)

    def _given_back(self, how: str, event: StoredEvent, facts: Facts) -> None:
        promise = self._promises.get(facts["order_id"], Promise(""))
        given, promised = _places(facts), dict(+promise.open)
        self._endings.check(
            given == promised, spot(event), f"{how} {_text(given)} of {_text(promised)} promised"
        )
        for place, quantity in given.items():
            self._move(event, place, reserved=-quantity)
        promise.open.clear()

    def _dispatched(self, event: StoredEvent, facts: Facts) -> None:
        promise = self._promises.get(facts["order_id"], Promise(""))
        for place, quantity in _places(facts).items():
            self._endings.check(
                quantity <= promise.open[place],
                spot(event),
                f"dispatched {quantity} x {place[0]}, {promise.open[place]} promised",
            )
            promise.open[place] -= quantity
            self._move(event, place, on_hand=-quantity, reserved=-quantity)

    def _told(self, event: StoredEvent, facts: Facts) -> None:
        sku = facts["sku"]
        told = (facts["on_hand"], facts["reserved"], facts["available"])
        here, promised = self._sku_on_hand[sku], self._sku_reserved[sku]
        right = told == (here, promised, here - promised)
        self._levels.check(right, spot(event), f"told {told} of {sku}; on hand {here}, reserved {promised}")

    def _left_the_house(self, event: StoredEvent, facts: Facts) -> None:
        self._handed_over[facts["order_id"]] = event.position

    def conclude(self) -> Iterable[Verdict]:
        """The books show what the movements sum to; and no promise outlives the end of its order."""
        self._compare_books()
        for order_id, promise in self._promises.items():
            self._endings.checked += 1
            if +promise.open:
                self._judge_open(order_id, promise)
        return self._levels.verdict(), self._endings.verdict()

    def _compare_books(self) -> None:
        shown: Counter[Place] = Counter()
        for entity, _, _, state in self._evidence.stores["inventory"].entities():
            kind, _, sku = entity.partition("/")
            for place in orjson.loads(state)["places"] if kind == "sku" else ():
                here = (sku, place["location"])
                shown[here] = place["on_hand"]
                summed = (self._on_hand[here], self._reserved[here])
                right = (place["on_hand"], place["reserved"]) == summed
                self._levels.check(right, entity, f"shows {place}, its movements sum to {summed}")
        for (sku, location), on_hand in self._on_hand.items():
            self._levels.check(
                shown[sku, location] == on_hand, f"sku/{sku}", f"{on_hand} at {location} are not in the books"
            )

    def _judge_open(self, order_id: str, promise: Promise) -> None:
        course = self._orders.courses.get(order_id)
        if course is None or course.state not in (CANCELLED, FULFILLED):
            return
        if self._heard_the_end(course.state, course.ended_at, order_id):
            left = _text(dict(+promise.open))
            self._endings.fault(promise.where, f"{left} still promised to an order that is {course.state}")
        else:
            self._endings.pending += 1

    def _heard_the_end(self, state: str, ended_at: int, order_id: str) -> bool:
        if state == CANCELLED:
            return self._evidence.has_applied("inventory", "orders", ended_at)
        return self._evidence.has_applied("inventory", "shipping", self._handed_over.get(order_id, 0))


def _places(facts: Facts) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for line in facts["lines"]:
        found[line["sku"], line["location"]] += line["quantity"]
    return found


def _text(places: Counter[Place] | dict[Place, int]) -> str:
    return (
        ", ".join(f"{quantity} x {sku} at {place}" for (sku, place), quantity in sorted(places.items()))
        or "nothing"
    )
