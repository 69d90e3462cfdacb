"""What people and programs may ask of an order. `actor` and the reason given are kept with what follows."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.channels import ReturnReported
from contracts.orders import HoldReason, MessageRefused
from contracts.placed_order import PlacedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """An order, or a newer version of one: from a channel's message, or typed in by a person, the `actor`."""

    order: PlacedOrder
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReturn:
    """A channel reports goods or money going back without naming the order."""

    report: ReturnReported


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseMessage:
    """A channel's message that cannot be read: keep the fact, its place in the stream and why."""

    refusal: MessageRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetCustomer:
    """Record that the key to a person's data was destroyed, and those of `bodies` that named them."""

    key: str
    orders: tuple[str, ...]
    bodies: tuple[str, ...] = ()
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Stop the order, whatever stage it is at."""

    order_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """Stop the order until a person lets it go on."""

    order_id: str
    actor: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHold:
    """Let the order go on although this reason was found."""

    order_id: str
    reason: HoldReason
    actor: str
    note: str
