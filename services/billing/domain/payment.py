"""The payment of one order: its state, and what follows from it.

One order has one payment entity; each attempt to collect has its own `payment_id`, which is also the reference and
the idempotency key at the gateway. The bill stays in the state until everything on it is invoiced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.address import Recipient
from contracts.billing import RefundStarted
from contracts.orders import Bill, BillLine
from contracts.second_person import WAITS, Decided
from services.billing.domain.answers import CaptureCall, RefundCall
from services.billing.domain.world import World

PAYMENT_ID = re.compile(r"pay-(?P<order>.+)-(?P<attempt>\d+)")
TAX_MISMATCH = "tax=mismatch"
"""The tag of payments with an invoice whose tax its rates do not explain."""
REFUND_ID = re.compile(r"refund-(?P<order>.+)-(?P<number>\d+)")


class Stage(StrEnum):
    """Where the money is. A refund is due where the channel that collected has to give it back, or a person there;
    it is requested where a second person has to agree first.
    """

    DUE = "due"
    CAPTURING = "capturing"
    IN_DOUBT = "in_doubt"
    CAPTURED = "captured"
    FAILED = "failed"
    CLOSED = "closed"
    REFUND_REQUESTED = "refund_requested"
    REFUND_DENIED = "refund_denied"
    REFUNDING = "refunding"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"


class RefundStage(StrEnum):
    """Where a refund is."""

    STARTED = "started"
    MADE = "made"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back, or given back."""

    refund_id: str
    reference: str
    amount_minor: int
    stage: RefundStage = RefundStage.STARTED
    provider_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """The newest refund for which a second person was asked: by whom, why, and what was said."""

    refund_id: str
    amount_minor: int
    actor: str
    reason: str
    asked_at: datetime
    decided: Decided = Decided.WAITING
    decided_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An invoice of this order: for which parcel, over how much."""

    number: str
    parcel_id: str
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What billing knows of an order's money. `taken` counts the units already invoiced, by line of the bill.

    `ships` is false where no parcel will bring the invoice about: then the capture does. `closed` says why nothing is
    collected any more, `closed_by` who cancelled.
    """

    order_id: str
    channel: str
    currency: str
    total_minor: int
    recipient: Recipient
    bill: Bill | None
    stage: Stage = Stage.DUE
    payment_id: str = ""
    source: str = ""
    reference: str = ""
    provider_reference: str = ""
    captured_minor: int = 0
    closed: str = ""
    closed_by: str = ""
    request: RefundRequest | None = None
    refunds: tuple[Refund, ...] = ()
    invoices: tuple[Issued, ...] = ()
    taken: tuple[int, ...] = ()
    vat_note: str = ""
    ships: bool = True

    @property
    def attempt(self) -> int:
        """The newest attempt to collect; 0 before the first."""
        return int(self.payment_id.rpartition("-")[2]) if self.payment_id else 0

    @property
    def refunded_minor(self) -> int:
        """What was given back so far."""
        return sum(refund.amount_minor for refund in self.refunds if refund.stage is RefundStage.MADE)

    @property
    def refundable_minor(self) -> int:
        """What is captured and neither given back nor on its way: no refund may exceed it."""
        open_or_made = (
            refund.amount_minor for refund in self.refunds if refund.stage is not RefundStage.FAILED
        )
        return self.captured_minor - sum(open_or_made)

    @property
    def invoiced_minor(self) -> int:
        """Sum of the invoices issued so far."""
        return sum(invoice.total_minor for invoice in self.invoices)

    @property
    def open_refund(self) -> Refund | None:
        """The refund that is under way, or that the channel owes."""
        return next((refund for refund in self.refunds if refund.stage is RefundStage.STARTED), None)

    @property
    def in_flight(self) -> bool:
        """True while the gateway may be charging."""
        return self.stage in (Stage.CAPTURING, Stage.IN_DOUBT)


def payment_entity(order_id: str) -> str:
    """The payment's entity."""
    return f"payment/{order_id}"


def payment_of(order_id: str, world: World) -> Payment:
    """The payment that an answer is about: it exists, because it asked."""
    payment = world.state(payment_entity(order_id))
    if not isinstance(payment, Payment):
        raise LookupError(f"an answer came for {order_id}, which has no payment")
    return payment


def payment_id(order_id: str, attempt: int) -> str:
    """The id and gateway reference of an attempt: derived, so that a repeated request finds the same charge."""
    return f"pay-{order_id}-{attempt}"


def refund_id(order_id: str, number: int) -> str:
    """The id and gateway reference of a refund; `number` starts at 1."""
    return f"refund-{order_id}-{number}"


ALLOWED: Mapping[Stage, tuple[str, ...]] = {
    Stage.REFUND_REQUESTED: ("ApproveRefund", "DenyRefund"),
    Stage.REFUND_DENIED: ("RetryRefund",),
    Stage.REFUND_DUE: ("ConfirmRefund",),
    Stage.REFUND_FAILED: ("RetryRefund",),
}
"""What a person may ask for, by stage; in all others nothing."""


def refund_of(started: RefundStarted) -> Refund:
    """A refund as it begins."""
    return Refund(refund_id=started.refund_id, reference=started.reference, amount_minor=started.amount_minor)


def units_taken(bill: Bill, taken: tuple[int, ...], units: Mapping[str, int]) -> tuple[int, ...]:
    """Units invoiced after a parcel with these units by SKU: each SKU fills the bill's goods lines in order."""
    left = dict(units)
    after = []
    for line, before in zip(bill.lines, taken or (0,) * len(bill.lines), strict=True):
        now = min(left.get(line.sku, 0), _quantity(line) - before) if line.kind == "goods" and line.sku else 0
        if now:
            left[line.sku] -= now
        after.append(before + now)
    return tuple(after)


def _quantity(line: BillLine) -> int:
    return max(line.quantity, 1)


def calls(payment: Payment) -> dict[str, CaptureCall | RefundCall]:
    """What the gateway still has to be asked, by reference: the open capture, and every refund under way."""
    if payment.in_flight:
        email = payment.recipient.email
        return {
            payment.payment_id: CaptureCall(payment.reference, payment.total_minor, payment.currency, email)
        }
    if payment.stage is not Stage.REFUNDING or payment.source != "gateway":
        return {}
    return {
        refund.refund_id: RefundCall(
            refund.reference, payment.reference, refund.amount_minor, payment.currency
        )
        for refund in payment.refunds
        if refund.stage is RefundStage.STARTED
    }


def tags(payment: Payment) -> tuple[str, ...]:
    """`state=`, `tax=` and `waits=` are counted; `ref:` is what statements may call it; `invoice:` finds it by number.

    References that name the order themselves (see `order_in`) need no tag.
    """
    found = [f"state={payment.stage}"]
    found += [
        f"ref:{reference}" for reference in _references(payment) if order_in(reference) != payment.order_id
    ]
    found += [f"invoice:{invoice.number}" for invoice in payment.invoices]
    if payment.stage is Stage.REFUND_REQUESTED:
        found.append(WAITS)
    if payment.vat_note:
        found.append(TAX_MISMATCH)
    return tuple(found)


def _references(payment: Payment) -> list[str]:
    named = [payment.reference, payment.provider_reference]
    for refund in payment.refunds:
        named += (refund.reference, refund.provider_reference)
    return [reference for reference in named if reference]


def order_in(reference: str) -> str:
    """The order that a reference of ours names by itself: a payment id, a refund id, or an order id."""
    ours = PAYMENT_ID.fullmatch(reference) or REFUND_ID.fullmatch(reference)
    return ours["order"] if ours else reference
