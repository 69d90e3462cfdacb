"""Whatever happens, in whatever order: never oversold, never negative, every unit accounted for.

Method: a random shop (registering, deliveries, counts, opening files, orders accepted again and again, cancellations,
parcels with too much in them, promises running out) is played against the decisions. After every single
event, books kept here from the events alone are compared with the law and with the service's own states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.event import Event
from contracts.inventory import (
    AvailabilityChanged,
    ReservationExpired,
    ReservationReleased,
    StockAdjusted,
    StockDispatched,
    StockReceived,
    StockReserved,
)
from contracts.placed_order import Units
from services.inventory.domain.commands import OpenStock, RegisterSkus, SkuRow, StockRow
from services.inventory.domain.stock import Item
from tests.inventory.samples import accepted, adjust, cancelled, inventory, parcel, receive
from tests.spec import NOON, Given, Timer

type Where = tuple[str, str]

SKUS = st.sampled_from(["CUP", "LAMP", "MUG"])
LOCATIONS = st.sampled_from(["BACK", "MAIN"])
ORDERS = st.sampled_from([f"shop:{n}" for n in range(6)])
PARCELS = st.sampled_from(["P1", "P2", "P3"])
REFERENCES = st.sampled_from([f"DOC-{n}" for n in range(12)])
UNITS = st.lists(st.builds(Units, sku=SKUS, quantity=st.integers(1, 6)), max_size=4)
ITEM = Item("", "", 100, "EUR", "standard", 0)


class Ledger:
    """The books of an outsider who knows the events and nothing else."""

    def __init__(self) -> None:
        self.on_hand: Counter[Where] = Counter()
        self.reserved: Counter[Where] = Counter()
        self.promised: dict[str, Counter[Where]] = {}
        self.told: Counter[str] = Counter()

    def read(self, event: Event) -> None:
        match event:
            case StockReceived() | StockAdjusted():
                assert event.quantity != 0
                self.on_hand[event.sku, event.location] += event.quantity
            case StockReserved():
                assert not +self.promised.get(event.order_id, Counter()), "promised twice"
                self.promised[event.order_id] = places(event.lines)
                self.reserved += places(event.lines)
            case ReservationReleased() | ReservationExpired():
                assert places(event.lines) == +self.promised[event.order_id], "gave back what it did not hold"
                self.reserved -= places(event.lines)
                self.promised[event.order_id] = Counter()
            case StockDispatched():
                gone = places(event.lines)
                assert gone <= self.promised.get(event.order_id, Counter()), (
                    "dispatched what was not promised"
                )
                self.reserved -= gone
                self.on_hand -= gone
                if gone:
                    self.promised[event.order_id] -= gone
            case AvailabilityChanged():
                self.told[event.sku] = event.available
        self.check()

    def check(self) -> None:
        for where in self.on_hand.keys() | self.reserved.keys():
            assert 0 <= self.reserved[where] <= self.on_hand[where], where

    def available(self, sku: str) -> int:
        of_sku = [where for where in self.on_hand if where[0] == sku]
        return sum(self.on_hand[where] - self.reserved[where] for where in of_sku)


def places(lines: Iterable) -> Counter[Where]:
    found: Counter[Where] = Counter()
    for line in lines:
        assert line.quantity > 0
        found[line.sku, line.location] += line.quantity
    return found


class Shop(RuleBasedStateMachine):
    """Everything that can happen to stock."""

    def __init__(self) -> None:
        super().__init__()
        self.given = inventory.given()
        self.ledger = Ledger()
        self.now: datetime = NOON
        self.attempts: Counter[str] = Counter()
        self.parcels: set[tuple[str, str]] = set()

    def happens(self, cause: object) -> list[Event]:
        """What it causes; and that the same again causes nothing, wherever that is promised."""
        events = Given(self.given.world).at(self.now).when(cause).events
        for event in events:
            self.ledger.read(event)
        return events

    @rule(sku=SKUS)
    def register(self, sku: str) -> None:
        self.happens(RegisterSkus((SkuRow(2, sku, ITEM),), "anna", "skus.csv"))

    @rule(sku=SKUS, location=LOCATIONS, quantity=st.integers(1, 9), reference=REFERENCES)
    def receive(self, sku: str, location: str, quantity: int, reference: str) -> None:
        command = receive(quantity, sku, location, reference=reference)
        self.happens(command)
        assert all(event.TYPE == "inventory.CommandRefused.v1" for event in self.happens(command))

    @rule(sku=SKUS, location=LOCATIONS, quantity=st.integers(-9, 9).filter(bool), reference=REFERENCES)
    def adjust(self, sku: str, location: str, quantity: int, reference: str) -> None:
        command = adjust(quantity, sku, location, reference=reference)
        self.happens(command)
        assert all(event.TYPE == "inventory.CommandRefused.v1" for event in self.happens(command))

    @rule(rows=st.lists(st.tuples(SKUS, LOCATIONS, st.integers(0, 9)), max_size=5))
    def open_stock(self, rows: list[tuple[str, str, int]]) -> None:
        file = OpenStock(tuple(StockRow(n, *row) for n, row in enumerate(rows, 2)), "anna", "stock.csv")
        self.happens(file)
        assert all(event.TYPE == "inventory.CommandRefused.v1" for event in self.happens(file))

    @rule(order=ORDERS, lines=UNITS, again=st.booleans())
    def accept(self, order: str, lines: list[Units], again: bool) -> None:
        self.attempts[order] += not again
        message = accepted(*lines, order=order, attempt=self.attempts[order])
        self.happens(message)
        assert self.happens(message) == []

    @rule(order=ORDERS)
    def cancel(self, order: str) -> None:
        self.happens(cancelled(order))
        assert self.happens(cancelled(order)) == []

    @rule(order=ORDERS, lines=UNITS, parcel_id=PARCELS, last=st.booleans())
    def dispatch(self, order: str, lines: list[Units], parcel_id: str, last: bool) -> None:
        message = parcel(*lines, order=order, parcel_id=parcel_id, last=last)
        events = self.happens(message)
        if (order, parcel_id) not in self.parcels:
            self.every_unit_of_the_parcel_is_accounted_for(lines, events)
        self.parcels.add((order, parcel_id))
        assert self.happens(message) == []

    def every_unit_of_the_parcel_is_accounted_for(self, lines: list[Units], events: list[Event]) -> None:
        left: Counter[str] = Counter()
        for event in events:
            if isinstance(event, StockDispatched):
                for part in (*event.lines, *event.missing):
                    left[part.sku] += part.quantity
            if isinstance(event, StockAdjusted):
                left[event.sku] -= event.quantity
        packed: Counter[str] = Counter()
        for line in lines:
            packed[line.sku] += line.quantity
        assert left == packed

    @rule(seconds=st.sampled_from([0.3, 1, 60, 86_400, 604_800]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        while due := self.most_overdue():
            assert self.happens(Timer(*due)), f"{due} was due and did nothing"

    def most_overdue(self) -> tuple[str, str] | None:
        """One timer may settle another, or set one whose time is over already: each is asked for anew."""
        due = {timer: moment for timer, moment in self.given.world.timers().items() if moment <= self.now}
        return min(due, key=due.__getitem__, default=None)

    @invariant()
    def states_say_what_the_events_say(self) -> None:
        for entity, state in self.given.world.states.items():
            sku = entity.removeprefix("sku/")
            if sku != entity:
                for place in state.places:
                    where = (sku, place.location)
                    assert (place.on_hand, place.reserved) == (
                        self.ledger.on_hand[where],
                        self.ledger.reserved[where],
                    )

    @invariant()
    def what_is_reserved_is_the_sum_of_open_promises(self) -> None:
        open_promises: Counter[Where] = Counter()
        for promised in self.ledger.promised.values():
            open_promises += promised
        assert +self.ledger.reserved == open_promises

    @invariant()
    def others_know_whether_a_sku_can_be_sold_and_hear_every_other_change_in_time(self) -> None:
        for sku in ("CUP", "LAMP", "MUG"):
            available, told = self.ledger.available(sku), self.ledger.told[sku]
            assert (available == 0) == (told == 0)
            due = self.given.world.timers().get((f"sku/{sku}", "announce"))
            assert (due is not None) == (available != told)

    @invariant()
    def what_is_promised_ends(self) -> None:
        timers = self.given.world.timers()
        for order, promised in self.ledger.promised.items():
            assert ((f"reservation/{order}", "expiry") in timers) == bool(+promised)


Shop.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestShop = Shop.TestCase
