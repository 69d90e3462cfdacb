"""What the billing service says: payments, invoices, the ledger, payouts. All amounts are minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from contracts.address import Address, Recipient
from contracts.event import Event
from contracts.identifiers import Currency, OrderId
from contracts.orders import Bill
from contracts.placed_order import Minor, Text


class UnbalancedEntry(ValueError):
    """Debits and credits of a journal entry differ; the ledger does not take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One side of an entry: positive is a debit, negative a credit."""

    account: str
    amount_minor: Minor


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A balanced entry of one currency. Building an unbalanced one raises `UnbalancedEntry`."""

    currency: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        difference = sum(posting.amount_minor for posting in self.postings)
        if difference:
            raise UnbalancedEntry(f"debits exceed credits by {difference} {self.currency} minor units")


@dataclass(frozen=True, slots=True, kw_only=True)
class VatGroup:
    """One rate of an invoice: net + tax = gross. `rate` 0.19 means 19 %."""

    rate: Decimal
    net_minor: Minor
    tax_minor: Minor
    gross_minor: Minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who issued an invoice, as it was on that day: name, postal lines, VAT id, how to reach them."""

    name: str
    lines: tuple[str, ...] = ()
    vat_id: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """A position of an invoice; `gross_minor` is what the customer paid for it.

    `net_minor` is without tax: those of one rate add up to its group's; absent in events of older releases.
    """

    title: str
    sku: str = ""
    quantity: int
    gross_minor: Minor
    rate: Decimal
    net_minor: Minor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutLine:
    """A line of a provider's statement. `reference` is what ties it to a capture or a refund."""

    kind: Literal["charge", "refund", "fee", "adjustment"]
    reference: Text = ""
    gross_minor: Minor
    fee_minor: Minor = 0
    net_minor: Minor


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedLine:
    """A statement line (by position, from 0) tied to an order, or to the fee account.

    `settles` is the payment or refund that is paid out with it: each one once, ever.
    """

    line: int
    order_id: str = ""
    amount_minor: Minor
    settles: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexplainedLine:
    """A statement line (-1: the statement's own total) that nothing explains, with the reason."""

    line: int
    reason: Text
    amount_minor: Minor


class PaymentDue(Event, type="billing.PaymentDue.v1"):
    """Billing has taken note: what is owed, by whom, for what. `ships` is false where no parcel will leave."""

    order_id: OrderId
    channel: str
    currency: Currency
    total_minor: Minor
    bill: Bill
    ships: bool = True


class CaptureStarted(Event, type="billing.CaptureStarted.v1"):
    """A call to the gateway is about to be made with this reference; never a second one for the same payment."""

    order_id: OrderId
    payment_id: str
    reference: str
    gateway: str
    currency: Currency
    amount_minor: Minor


class PaymentInDoubt(Event, type="billing.PaymentInDoubt.v1"):
    """The gateway's answer was lost. It is asked by our reference before anything is tried again."""

    order_id: OrderId
    payment_id: str
    reference: str
    reason: Text


class PaymentCaptured(Event, type="billing.PaymentCaptured.v1"):
    """The money is collected: by the channel (recorded) or through our gateway.

    `provider_reference` is the gateway's own id of the charge, as its statements may name it.
    """

    order_id: OrderId
    payment_id: str
    source: Literal["channel", "gateway"]
    reference: str
    currency: Currency
    amount_minor: Minor
    entry: JournalEntry
    provider_reference: Text = ""


class PaymentFailed(Event, type="billing.PaymentFailed.v1"):
    """The gateway refused, and said why."""

    order_id: OrderId
    payment_id: str
    reason: Text


class PaymentClosed(Event, type="billing.PaymentClosed.v1"):
    """The order was cancelled: nothing is collected any more. What a capture still under way brings is given back.

    `actor` is who cancelled it.
    """

    order_id: OrderId
    reason: Text
    actor: Text = ""


class RefundRequested(Event, type="billing.RefundRequested.v1"):
    """More than one person may give back by themselves: nothing is moved until a second one has approved it.

    `actor` asked for it, or caused it by cancelling the order.
    """

    order_id: OrderId
    refund_id: str
    currency: Currency
    amount_minor: Minor
    reason: Text
    actor: Text
    asked_at: datetime


class RefundApproved(Event, type="billing.RefundApproved.v1"):
    """A second person agrees: the refund is started in the same decision."""

    order_id: OrderId
    refund_id: str
    actor: Text
    reason: Text


class RefundDenied(Event, type="billing.RefundDenied.v1"):
    """A second person does not agree: nothing is given back, unless it is asked for again."""

    order_id: OrderId
    refund_id: str
    actor: Text
    reason: Text


class RefundStarted(Event, type="billing.RefundStarted.v1"):
    """Money is about to be given back with this reference: by the gateway, or at the channel that collected it.

    `actor` is the person who asked for it: had a refused one tried again, or one that a second person approved.
    """

    order_id: OrderId
    refund_id: str
    reference: str
    source: Literal["channel", "gateway"]
    currency: Currency
    amount_minor: Minor
    reason: Text
    actor: Text = ""


class PaymentRefunded(Event, type="billing.PaymentRefunded.v1"):
    """Money was given back; never more than was captured.

    `actor` is the person who says that it was given back at the channel, and `reason` what they said.
    """

    order_id: OrderId
    refund_id: str
    reference: str
    currency: Currency
    amount_minor: Minor
    recipient: Recipient
    entry: JournalEntry
    provider_reference: Text = ""
    actor: Text = ""
    reason: Text = ""


class RefundFailed(Event, type="billing.RefundFailed.v1"):
    """The gateway refused the refund; a person has to look."""

    order_id: OrderId
    refund_id: str
    reason: Text


class InvoiceIssued(Event, type="billing.InvoiceIssued.v1"):
    """An invoice with the next number of its series, never changed afterwards. VAT per rate group (7.5-7.7).

    `parcel_id` is empty where nothing had to be shipped. `rounding_minor` makes the total what the customer paid;
    `vat_note` says so where the channel's tax is further from ours than rounding explains (7.6). `last` is true
    when nothing of the order is left to invoice. `supplied_on` is the date on which the parcel left the house (absent
    where none did); `paid_minor` what had been collected for this invoice when it was issued. Older ones say neither.
    `order_number` is what the customer calls the order, where that is not the channel's id of it.
    """

    order_id: OrderId
    number: str
    series: str
    sequence: int
    issued_on: date
    parcel_id: str
    currency: Currency
    buyer: Address
    lines: tuple[InvoiceLine, ...]
    vat: tuple[VatGroup, ...]
    net_minor: Minor
    tax_minor: Minor
    rounding_minor: Minor = 0
    total_minor: Minor
    entry: JournalEntry
    prices_include_tax: bool = True
    last: bool = True
    vat_note: Text = ""
    seller: Seller | None = None
    supplied_on: date | None = None
    paid_minor: Minor | None = None
    order_number: Text = ""


class PayoutReported(Event, type="billing.PayoutReported.v1"):
    """A provider's statement, as it came. `actor` is who handed it in."""

    payout_id: str
    provider: str
    currency: Currency
    total_minor: Minor
    lines: tuple[PayoutLine, ...]
    actor: Text = ""


class PayoutReconciled(Event, type="billing.PayoutReconciled.v1"):
    """Every cent of the payout is tied to a capture, a refund or a fee."""

    payout_id: str
    matched_minor: Minor
    matched: tuple[MatchedLine, ...]
    entry: JournalEntry
    provider: str = ""


class PayoutUnexplained(Event, type="billing.PayoutUnexplained.v1"):
    """Part of the payout is tied to nothing: named line by line. matched + unexplained = total."""

    payout_id: str
    matched_minor: Minor
    unexplained_minor: Minor
    matched: tuple[MatchedLine, ...]
    unexplained: tuple[UnexplainedLine, ...]
    entry: JournalEntry
    provider: str = ""
