"""Invoicing: one invoice per parcel, the next number of its series, exactly what the customer paid.

An order that has nothing to ship is invoiced once its money is there.

The goods are those of the parcel; delivery and adjustments go on the first invoice; the last one takes whatever is
left of the bill, so that all invoices of an order add up to its total. Parts of a line follow rule 7.10.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from contracts.billing import InvoiceIssued, InvoiceLine
from contracts.event import Event
from contracts.money import share
from contracts.orders import Bill, BillLine
from contracts.shipping import ParcelDispatched
from services.billing.domain.apportioned import by_rate
from services.billing.domain.invoice_entry import invoice_entry
from services.billing.domain.payment import Payment, payment_entity, units_taken
from services.billing.domain.vat import NO_TAX, Position, assess, nets_of
from services.billing.domain.world import World


class NothingToInvoice(LookupError):
    """A parcel left the house for an order that has no open bill. It is parked, for a person to look at."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What an invoice is for: a parcel with its units by SKU, or no parcel where nothing has to be shipped.

    `at` is when the parcel left the house, where that is known.
    """

    parcel_id: str
    units: Mapping[str, int]
    last: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The last number given out in each year of a series: gapless, because one writer counts."""

    last: dict[str, int] = field(default_factory=dict)


def series_entity(series: str) -> str:
    """The series' entity."""
    return f"series/{series}"


def count_up(series: Series | None, event: InvoiceIssued, entity: str) -> Series:
    """The series after an invoice."""
    return Series(last={**(series.last if series else {}), str(event.issued_on.year): event.sequence})


def when_parcel_dispatched_then_issue_invoice(parcel: ParcelDispatched, world: World) -> list[Event]:
    """An invoice for what is in the parcel. The same parcel again, or one with nothing to bill, changes nothing.

    Raises `NothingToInvoice` where there is no open bill for the order.
    """
    payment: Payment | None = world.state(payment_entity(parcel.order_id))
    if payment is not None and any(invoice.parcel_id == parcel.parcel_id for invoice in payment.invoices):
        return []
    if payment is None or payment.bill is None:
        raise NothingToInvoice(f"parcel {parcel.parcel_id}: order {parcel.order_id} has no open bill")
    delivered = Delivered(parcel.parcel_id, _units(parcel), parcel.last, parcel.dispatched_at)
    return _invoices(payment, payment.bill, delivered, world)


def invoice_without_parcel(payment: Payment, world: World) -> list[Event]:
    """The one invoice of an order that has nothing to ship: over all of its bill."""
    return _invoices(payment, payment.bill, Delivered("", {}, last=True), world) if payment.bill else []


def _invoices(payment: Payment, bill: Bill, delivered: Delivered, world: World) -> list[Event]:
    positions = positions_of(payment, bill, delivered)
    return [_invoice(payment, bill, delivered, positions, world)] if positions else []


def positions_of(payment: Payment, bill: Bill, delivered: Delivered) -> list[Position]:
    """What an invoice lists: its share of the goods, on the first one delivery and adjustments too."""
    before = payment.taken or (0,) * len(bill.lines)
    after = _everything(bill) if delivered.last else units_taken(bill, before, delivered.units)
    first = not payment.invoices
    return [
        position
        for line, start, end in zip(bill.lines, before, after, strict=True)
        if (end > start if line.kind == "goods" else first)
        for position in _positions(line, start, end, inclusive=bill.prices_include_tax)
    ]


def _units(parcel: ParcelDispatched) -> dict[str, int]:
    units: dict[str, int] = {}
    for packed in parcel.lines:
        units[packed.sku] = units.get(packed.sku, 0) + packed.quantity
    return units


def _everything(bill: Bill) -> tuple[int, ...]:
    return tuple(max(line.quantity, 1) for line in bill.lines)


def _positions(line: BillLine, start: int, end: int, *, inclusive: bool) -> list[Position]:
    """One for goods; delivery and adjustments may be taxed at several rates, each on its share."""
    position = _position(line, start, end)
    return [position] if line.kind == "goods" else by_rate(position, line.taxes, inclusive=inclusive)


def _position(line: BillLine, start: int, end: int) -> Position:
    goods = line.kind == "goods"
    of = max(line.quantity, 1) if goods else 1
    start, end = (start, end) if goods else (0, 1)
    return Position(
        kind=line.kind,
        title=line.title or line.sku,
        sku=line.sku,
        quantity=end - start,
        rate=sum((tax.rate for tax in line.taxes), NO_TAX),
        amount_minor=share(line.total_minor, start, end, of),
        tax_minor=share(sum(tax.amount_minor for tax in line.taxes), start, end, of),
        adjustment=line.adjustment,
    )


def _invoice(
    payment: Payment, bill: Bill, delivered: Delivered, positions: Sequence[Position], world: World
) -> InvoiceIssued:
    payable, channel_tax = _payable(payment, bill, positions, last=delivered.last)
    tax = assess(
        positions,
        inclusive=bill.prices_include_tax,
        payable_minor=payable,
        channel_tax_minor=channel_tax,
        currency=payment.currency,
    )
    policies, issued_on = world.policies, world.policies.date_of(world.now)
    sequence = next_number(world.state(series_entity(policies.series)), issued_on)
    return InvoiceIssued(
        order_id=payment.order_id,
        number=f"{policies.series}-{issued_on.year}-{sequence:06}",
        series=policies.series,
        sequence=sequence,
        issued_on=issued_on,
        parcel_id=delivered.parcel_id,
        currency=payment.currency,
        buyer=bill.buyer,
        lines=_lines(positions, inclusive=bill.prices_include_tax),
        vat=tax.groups,
        net_minor=tax.net_minor,
        tax_minor=tax.tax_minor,
        rounding_minor=tax.rounding_minor,
        total_minor=payable,
        entry=invoice_entry(payment.currency, positions, tax, payable, inclusive=bill.prices_include_tax),
        prices_include_tax=bill.prices_include_tax,
        last=delivered.last,
        vat_note=tax.note,
        seller=policies.seller,
        supplied_on=policies.date_of(delivered.at) if delivered.at else None,
        paid_minor=_paid(payment, payable),
        order_number=payment.recipient.order_number,
    )


def _paid(payment: Payment, payable_minor: int) -> int:
    """What is left of the money collected after the invoices before this one, as far as this one asks for it."""
    left = payment.captured_minor - payment.refunded_minor - payment.invoiced_minor
    return min(max(left, 0), payable_minor)


def next_number(series: Series | None, issued_on: date) -> int:
    """The next number of the series in this year; the first is 1."""
    return (series.last.get(str(issued_on.year), 0) if series else 0) + 1


def _payable(payment: Payment, bill: Bill, positions: Sequence[Position], *, last: bool) -> tuple[int, int]:
    """What the customer paid for these positions, and the tax the channel charged in it. The last takes the rest."""
    amount = sum(position.amount_minor for position in positions)
    tax = sum(position.tax_minor for position in positions)
    if not last:
        return amount + (0 if bill.prices_include_tax else tax), tax
    whole_tax = bill.tax_minor or sum(item.amount_minor for line in bill.lines for item in line.taxes)
    return payment.total_minor - payment.invoiced_minor, whole_tax - _tax_invoiced(payment, bill)


def _tax_invoiced(payment: Payment, bill: Bill) -> int:
    """The channel's tax on what earlier invoices took from the bill."""
    if not payment.invoices:
        return 0
    pairs: Iterable[tuple[BillLine, int]] = zip(bill.lines, payment.taken, strict=True)
    return sum(_position(line, 0, taken).tax_minor for line, taken in pairs if line.kind != "goods" or taken)


def _lines(positions: Sequence[Position], *, inclusive: bool) -> tuple[InvoiceLine, ...]:
    nets = nets_of(positions, inclusive=inclusive)
    return tuple(_line(position, net, inclusive) for position, net in zip(positions, nets, strict=True))


def _line(position: Position, net_minor: int, inclusive: bool) -> InvoiceLine:
    return InvoiceLine(
        title=position.title,
        sku=position.sku,
        quantity=position.quantity,
        gross_minor=position.amount_minor + (0 if inclusive else position.tax_minor),
        rate=position.rate,
        net_minor=net_minor,
    )
