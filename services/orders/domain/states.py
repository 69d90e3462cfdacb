"""What the service knows of an order: one small frozen value, and what is read off it.

The order's own axis is `state`. Holds are a set beside it; what people are shown is a function of both. The
channel's order is kept until the order has ended, then only what is still asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contracts.orders import HoldReason
from contracts.placed_order import PlacedOrder, Units
from contracts.shipping import Milestone

HELD = "held"


class State(StrEnum):
    """The order axis (reference 4.2)."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    RELEASED = "released"
    CANCEL_PENDING = "cancel_pending"
    CANCELLED = "cancelled"
    FULFILLED = "fulfilled"


ENDED = frozenset({State.CANCELLED, State.FULFILLED})
BEFORE_RELEASE = frozenset({State.RECEIVED, State.ACCEPTED})


class Reservation(StrEnum):
    """What the order may rely on: nothing, an answer to come, or stock that is promised to it."""

    NONE = "none"
    ASKED = "asked"
    RESERVED = "reserved"


class Payment(StrEnum):
    """What billing was asked and has answered; awaited is what the channel has yet to collect."""

    NONE = "none"
    AWAITED = "awaited"
    ASKED = "asked"
    PAID = "paid"


BILLED = frozenset({Payment.ASKED, Payment.PAID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An open reason that stops the order. It waits for `skus`, and ends the order at `expires_at`."""

    reason: HoldReason
    detail: str
    owner: str
    since: datetime | None = None
    expires_at: datetime | None = None
    skus: tuple[Units, ...] = ()

    def waits_for(self, sku: str) -> int:
        """The units of this SKU that the hold waits for; 0 if it does not."""
        return sum(units.quantity for units in self.skus if units.sku == sku)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldLine:
    """What is still shown of a line when its order has ended."""

    sku: str
    quantity: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel of the order; `handed_over` is false while only the carrier has spoken of it."""

    parcel_id: str
    tracking_number: str = ""
    milestone: Milestone
    handed_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who wants the order stopped, and why, while shipping is asked."""

    reason: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. `version` is the newest seen from the channel; amounts are minor units of `currency`.

    `attempt` counts acceptances (inventory answers to it), `payment_attempt` payment requests. `placed` is the
    channel's order until the end, `lines` what is left of it afterwards. `past_holds` makes a repeated
    release visible, `units_open` is what the warehouse has yet to hand over. `weights` are the catalogue's, in
    grams, for goods whose channel told none: from the promise of stock until the release.
    """

    order_id: str
    version: int
    state: State
    currency: str
    total_minor: int
    placed: PlacedOrder | None
    lines: tuple[SoldLine, ...] = ()
    holds: tuple[Hold, ...] = ()
    past_holds: tuple[HoldReason, ...] = ()
    attempt: int = 0
    reservation: Reservation = Reservation.NONE
    payment_attempt: int = 0
    payment: Payment = Payment.NONE
    captured_minor: int = 0
    refunded_minor: int = 0
    refunds: tuple[str, ...] = ()
    units_open: tuple[Units, ...] = ()
    weights: dict[str, int] = field(default_factory=dict)
    parcels: tuple[Parcel, ...] = ()
    invoices: tuple[str, ...] = ()
    cancelled_at_channel: bool = False
    refunded_at_channel: bool = False
    cancellation: Cancellation | None = None

    def hold(self, reason: HoldReason) -> Hold | None:
        """The open hold of this reason, if there is one."""
        return next((hold for hold in self.holds if hold.reason is reason), None)

    def parcel(self, parcel_id: str) -> Parcel | None:
        """The parcel of this id, if the order knows it."""
        return next((parcel for parcel in self.parcels if parcel.parcel_id == parcel_id), None)


def entity_of(order_id: str) -> str:
    """The entity of an order: `order/shopify:1001`."""
    return f"order/{order_id}"


def sold_lines(placed: PlacedOrder) -> tuple[SoldLine, ...]:
    """The lines of the channel's order, as far as they are shown and compared."""
    return tuple(
        SoldLine(sku=line.sku, quantity=line.quantity, total_minor=line.total_minor) for line in placed.lines
    )


def lines_of(order: Order) -> tuple[SoldLine, ...]:
    """The order's lines, before and after its end."""
    return sold_lines(order.placed) if order.placed else order.lines


def displayed(order: Order) -> str:
    """The state that people are shown: `held` while any hold is open and the order has not ended."""
    return HELD if order.holds and order.state not in ENDED else order.state.value


def tags(order: Order) -> Iterator[str]:
    """Found by `state=<displayed>`, `hold=<reason>`, `waiting=payment` (the channel has yet to collect the
    money) and, for what waits for stock, `waits:<sku>`.
    """
    yield f"state={displayed(order)}"
    if order.payment is Payment.AWAITED:
        yield "waiting=payment"
    for hold in order.holds:
        yield f"hold={hold.reason.value}"
        for units in hold.skus:
            yield f"waits:{units.sku}"


def timers(order: Order) -> Mapping[str, datetime]:
    """`hold_limit`: when the first hold with a limit runs out."""
    limits = [hold.expires_at for hold in order.holds if hold.expires_at]
    return {"hold_limit": min(limits)} if limits else {}
