"""The order state machine as data: which event may follow in which state, and which command is taken."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.event import Event
from contracts.orders import (
    CancellationDeclined,
    CancellationRequested,
    HoldReleased,
    InvoiceNoted,
    OrderAccepted,
    OrderCancelled,
    OrderFulfilled,
    OrderHeld,
    OrderReceived,
    OrderReleased,
    OrderRevised,
    ParcelHandedOver,
    ParcelProgressed,
    PaymentAwaited,
    PaymentConfirmed,
    PaymentRequested,
    RefundConfirmed,
    RefundReported,
)
from services.orders.domain.states import State

RECEIVED, ACCEPTED, RELEASED = State.RECEIVED, State.ACCEPTED, State.RELEASED
CANCEL_PENDING, CANCELLED, FULFILLED = State.CANCEL_PENDING, State.CANCELLED, State.FULFILLED


class IllegalTransition(Exception):
    """An event does not fit the order's state. Decisions never make one; a message that would is parked."""


def _stays(*states: State) -> dict[State | None, State]:
    return {state: state for state in states}


TRANSITIONS: Mapping[type[Event], Mapping[State | None, State]] = {
    OrderReceived: {None: RECEIVED},
    OrderRevised: _stays(*State),
    OrderHeld: _stays(RECEIVED, ACCEPTED, RELEASED),
    HoldReleased: _stays(RECEIVED, ACCEPTED, RELEASED),
    OrderAccepted: {RECEIVED: ACCEPTED, ACCEPTED: ACCEPTED, RELEASED: RELEASED},
    PaymentAwaited: _stays(ACCEPTED),
    PaymentRequested: _stays(ACCEPTED),
    PaymentConfirmed: _stays(*State),
    RefundConfirmed: _stays(*State),
    OrderReleased: {ACCEPTED: RELEASED},
    ParcelHandedOver: _stays(RELEASED, CANCEL_PENDING),
    ParcelProgressed: _stays(*State),
    InvoiceNoted: _stays(*State),
    OrderFulfilled: {ACCEPTED: FULFILLED, RELEASED: FULFILLED},
    CancellationRequested: {RELEASED: CANCEL_PENDING},
    CancellationDeclined: {CANCEL_PENDING: RELEASED},
    OrderCancelled: {
        RECEIVED: CANCELLED,
        ACCEPTED: CANCELLED,
        RELEASED: CANCELLED,
        CANCEL_PENDING: CANCELLED,
    },
    RefundReported: _stays(CANCELLED),
}
"""Event -> state before (None: unknown order) -> state after. What is not here may not happen.

`OrderAccepted` of a released order asks for its stock again, after the promise ran out on the shelf.
`OrderFulfilled` of an accepted one is for orders of which nothing has to be shipped.
"""

COMMANDS: Mapping[State, tuple[str, ...]] = {
    RECEIVED: ("CancelOrder", "PlaceHold", "ReleaseHold"),
    ACCEPTED: ("CancelOrder", "PlaceHold", "ReleaseHold"),
    RELEASED: ("CancelOrder", "ReleaseHold"),
    CANCEL_PENDING: (),
    CANCELLED: (),
    FULFILLED: (),
}
"""What a person may ask for in each state. Anything else is refused, and the refusal is recorded."""


def after(state: State | None, event: type[Event]) -> State:
    """The state that follows. Raises `IllegalTransition` where the table has none."""
    following = TRANSITIONS[event].get(state)
    if following is None:
        raise IllegalTransition(f"{event.__name__} cannot follow in state {state or 'unknown'}")
    return following
