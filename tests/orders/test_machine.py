"""The state machine is a table; these tests walk it, and then wander at random without ever leaving it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import orders
from contracts.event import Event
from contracts.inventory import Short
from contracts.orders import HoldReason
from contracts.placed_order import Units
from services.orders.domain.commands import CancelOrder, PlaceHold, ReleaseHold
from services.orders.domain.evolve import CHANGES
from services.orders.domain.machine import COMMANDS, TRANSITIONS, IllegalTransition, after
from services.orders.domain.states import BEFORE_RELEASE, ENDED, Order, Reservation, State, displayed
from tests.orders.situations import (
    BULB,
    CANCELLATION_REFUSED,
    DEMAND,
    ENTITY,
    FULFILMENT_CANCELLED,
    ID,
    LAMP,
    PAYMENT_FAILED,
    RESERVATION_EXPIRED,
    availability,
    line,
    order,
    parcel_dispatched,
    payment_captured,
    place,
    reservation_refused,
    sku_registered,
    spec,
    stock_reserved,
)
from tests.spec import Given, Timer


@pytest.mark.parametrize("event", TRANSITIONS)
@pytest.mark.parametrize("state", [None, *State])
def test_the_table_is_the_whole_truth(state: State | None, event: type[Event]) -> None:
    """A pair in the table leads where it says; every other pair is refused by name."""
    if state in TRANSITIONS[event]:
        assert after(state, event) is TRANSITIONS[event][state]
    else:
        with pytest.raises(IllegalTransition, match=event.__name__):
            after(state, event)


def test_every_event_of_the_machine_is_evolved() -> None:
    """An event without its change would be forgotten at the first rebuild."""
    assert set(TRANSITIONS) == {orders.OrderReceived, *CHANGES}


def test_nothing_leads_out_of_an_end() -> None:
    """Cancelled and fulfilled are ends: only notes may follow."""
    assert {end for moves in TRANSITIONS.values() for state, end in moves.items() if state in ENDED} == ENDED
    assert all(moves[state] is state for moves in TRANSITIONS.values() for state in ENDED & moves.keys())


def test_every_state_is_reached_and_has_its_commands() -> None:
    """A state that nothing leads to, or that nobody thought about, is a mistake in the table."""
    assert {end for moves in TRANSITIONS.values() for end in moves.values()} == set(State)
    assert set(COMMANDS) == set(State)


GONE = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
VERSIONS = (
    order(),
    order(version=2, ship_to=None),
    order(version=3, lines=(line(LAMP, 2, 10000),), total_minor=10490),
    order(version=4, total_minor=1),
    order(version=5),
)
STEPS: tuple[Any, ...] = (
    *(place(version) for version in VERSIONS),
    place(order(version=6, cancelled_at=GONE)),
    *(stock_reserved(attempt) for attempt in (1, 2, 3)),
    reservation_refused(Short(sku=BULB, asked=2, available=1), attempt=1),
    reservation_refused(Short(sku=LAMP, asked=1, available=0, known=False), attempt=2),
    RESERVATION_EXPIRED,
    availability(BULB, 5),
    sku_registered(LAMP),
    payment_captured(),
    PAYMENT_FAILED,
    parcel_dispatched("p1", Units(sku=LAMP, quantity=1), last=False),
    parcel_dispatched("p2", Units(sku=BULB, quantity=2), last=True),
    parcel_dispatched("p3", *DEMAND, last=True),
    FULFILMENT_CANCELLED,
    CANCELLATION_REFUSED,
    CancelOrder(order_id=ID, actor="mira", reason="changed my mind"),
    PlaceHold(order_id=ID, actor="mira", note="call first"),
    *(ReleaseHold(order_id=ID, reason=reason, actor="mira", note="checked") for reason in HoldReason),
    Timer(ENTITY, "hold_limit"),
)
"""Everything that can happen to an order, in no order."""

wander = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def step(given_: Given, cause: Any) -> list[Event]:
    """What happens; nothing where the message does not fit and would be parked."""
    try:
        return given_.when(cause).events
    except IllegalTransition:
        return []


@wander
@given(st.lists(st.sampled_from(STEPS), max_size=25))
def test_no_sequence_leads_to_an_illegal_state(causes: list[Any]) -> None:
    """Whatever is told in whatever order: what follows fits the table, and the state keeps its promises."""
    world = spec.given(orders.OrderReceived(order_id=ID, order=order(version=0)))
    for cause in causes:
        before: Order = world.world.states[ENTITY]
        events = step(world, cause)
        now: Order = world.world.states[ENTITY]
        _keeps_its_promises(before, now, events)


def _keeps_its_promises(before: Order, now: Order, events: list[Event]) -> None:
    assert (now.placed is None) == (now.state in ENDED)
    assert not (now.holds and now.state in ENDED)
    assert len({hold.reason for hold in now.holds}) == len(now.holds)
    assert now.attempt >= before.attempt
    assert now.payment_attempt >= before.payment_attempt
    assert now.version >= before.version
    assert before.state not in ENDED or now.state is before.state
    assert now == before or events
    for event in events:
        if isinstance(event, orders.OrderReleased):
            assert now.payment == "paid"
            assert not now.holds
        if isinstance(event, orders.OrderCancelled):
            assert not any(parcel.handed_over for parcel in before.parcels)


@wander
@given(st.lists(st.sampled_from(STEPS), max_size=25))
def test_a_message_that_is_repeated_at_once_changes_nothing_more(causes: list[Any]) -> None:
    """At-least-once delivery. Exempt: what asks for a fresh try each time, a renewal and a recorded refusal."""
    world = spec.given(orders.OrderReceived(order_id=ID, order=order(version=0)))
    for cause in causes:
        step(world, cause)
        renewed = cause is RESERVATION_EXPIRED and world.world.states[ENTITY].state is State.RELEASED
        repeated = [] if renewed else step(world, cause)
        assert all(event.TYPE == "orders.CommandRefused.v1" for event in repeated)


@wander
@given(st.lists(st.sampled_from(STEPS), max_size=20))
def test_an_order_always_reaches_an_end(causes: list[Any]) -> None:
    """P1: whatever happened before, with every hold released and every answer good, it is fulfilled or cancelled."""
    world = spec.given(orders.OrderReceived(order_id=ID, order=order(version=0)))
    for cause in causes:
        step(world, cause)
    for _ in range(8):
        _everything_goes_well(world)
    end: Order = world.world.states[ENTITY]
    assert end.state in ENDED, end


def _everything_goes_well(world: Given) -> None:
    def now() -> Order:
        state: Order = world.world.states[ENTITY]
        return state

    for hold in now().holds:
        step(world, ReleaseHold(order_id=ID, reason=hold.reason, actor="mira", note="checked"))
    if now().reservation is Reservation.ASKED:
        step(world, stock_reserved(now().attempt))
    step(world, payment_captured())
    if now().state is State.CANCEL_PENDING:
        step(world, CANCELLATION_REFUSED)
    if now().state is State.RELEASED and not now().holds:
        step(world, parcel_dispatched("last", *now().units_open, last=True))


@wander
@given(st.lists(st.sampled_from(STEPS), max_size=20))
def test_every_state_survives_the_store(causes: list[Any]) -> None:
    """States are kept as JSON rows: what is read back is what was written."""
    world = spec.given(orders.OrderReceived(order_id=ID, order=order(version=0)))
    for cause in causes:
        step(world, cause)
    state = world.world.states[ENTITY]
    assert msgspec.json.decode(msgspec.json.encode(state), type=Order) == state


@given(st.permutations([place(version) for version in (*VERSIONS, order(version=6, cancelled_at=GONE))]))
def test_versions_in_any_order_end_in_the_same_state(arrival: list[Any]) -> None:
    """CAP-04: the newest version counts, whatever came when and how often."""
    state = spec.when(*arrival, *arrival).state(ENTITY)
    assert (displayed(state), state.version) == ("cancelled", 6)


@given(st.permutations([place(version) for version in VERSIONS]), st.sampled_from(VERSIONS))
def test_versions_in_any_order_leave_the_same_order(arrival: list[Any], repeated: Any) -> None:
    """Without a cancellation too: same state, same content, same holds, whichever way it went."""
    state: Order = spec.when(*arrival, place(repeated)).state(ENTITY)
    assert state.state in BEFORE_RELEASE
    assert (displayed(state), state.placed, state.holds) == ("accepted", VERSIONS[-1], ())


def test_limits_are_found_by_timers() -> None:
    """A hold without a limit has no timer; time alone ends nothing else."""
    assert spec.when(place()).world.timers() == {}
