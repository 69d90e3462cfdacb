"""The retail file as canonical events: one publication for each invoice, the same bytes whenever it is read.

The file names no street and no rates of tax. An order gets the words "see channel" for street and town, which
is where the address is, so that it can be shipped; prices are taken as what the customer paid, tax included.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.address import Address, Recipient
from contracts.channels import OrderPlaced, ReturnReported
from contracts.placed_order import Adjustment, OrderLine, PaymentFacts, PlacedOrder, ShippingLine
from ops.publishing.publication import Publication, event_publication
from ops.publishing.retail_file import Invoice, Line, invoices
from ops.publishing.retail_report import Report
from ops.publishing.retail_tables import COUNTRIES, HOME, charge_of

CURRENCY = "GBP"
SEE_CHANNEL = "see channel"
LINES_MAX = 2_000


def publications(path: Path, channel: str, report: Report | None = None) -> Iterator[Publication]:
    """Every invoice of the file as one event. `report`, if given, is kept up to date while they are taken.

    Raises `NotARetailFile` on the first one if the file has not the columns.
    """
    tally = Report() if report is None else report
    for invoice in invoices(path):
        if publication := _publication(channel, invoice, tally):
            yield publication


def _publication(channel: str, invoice: Invoice, report: Report) -> Publication | None:
    """None for an invoice that cannot be sent whole: half an order would be a wrong order."""
    pence = report.see(invoice)
    if reasons := invoice.refused or _unusable(invoice):
        report.refuse(invoice, reasons, pence)
        return None
    if rule := _return_rule(invoice):
        return _returned(channel, invoice, rule, report)
    return _sold(channel, invoice, report)


def _unusable(invoice: Invoice) -> list[tuple[int, str]]:
    first = invoice.lines[0].number
    if invoice.at is None:
        return [(first, "InvoiceDate is not a time")]
    if len(invoice.lines) > LINES_MAX:
        return [(first, f"invoice {invoice.number} has more than {LINES_MAX} lines")]
    return []


def _return_rule(invoice: Invoice) -> str:
    """The rule that makes an invoice a return; empty for a sale."""
    if invoice.number[0] in "Aa":
        return "bad_debts"
    if invoice.number[0] in "Cc":
        return "cancellations"
    return "written_off" if all(line.quantity <= 0 for line in invoice.lines) else ""


RETURN_REASONS = {
    "bad_debts": "bad debt",
    "cancellations": "cancelled invoice",
    "written_off": "stock written off",
}


def _returned(channel: str, invoice: Invoice, rule: str, report: Report) -> Publication:
    assert invoice.at is not None
    lines = tuple(_went_back(line, place) for place, line in enumerate(invoice.lines, 1) if line.quantity)
    event = ReturnReported(
        channel=channel,
        return_id=invoice.number,
        reported_at=invoice.at,
        currency=CURRENCY,
        lines=lines,
        total_minor=-sum(line.minor for line in invoice.lines),
        reason=RETURN_REASONS[rule],
    )
    report.count(rule)
    report.returns_minor += event.total_minor
    return event_publication(channel, "return_reported", event, invoice.number)


def _went_back(line: Line, place: int) -> OrderLine:
    """Quantities are positive, and so are amounts that went back to the customer; charges have no SKU."""
    is_goods = charge_of(line.code) is None
    unit_minor = line.price.minor if line.quantity < 0 else -line.price.minor
    return OrderLine(
        line_id=str(place),
        sku=line.code if is_goods else "",
        title=line.description or line.code,
        quantity=abs(line.quantity),
        unit_price_minor=unit_minor,
        discount_minor=abs(line.quantity) * unit_minor + line.minor,
        total_minor=-line.minor,
        requires_shipping=is_goods,
    )


def _sold(channel: str, invoice: Invoice, report: Report) -> Publication:
    assert invoice.at is not None
    lines: list[OrderLine] = []
    shipping: list[ShippingLine] = []
    adjustments: list[Adjustment] = []
    for place, line in enumerate(invoice.lines, 1):
        _sort(line, place, lines, shipping, adjustments, report)
    address = _address(invoice)
    order = PlacedOrder(
        channel=channel,
        channel_order_id=invoice.number,
        placed_at=invoice.at,
        currency=CURRENCY,
        lines=tuple(lines),
        shipping=tuple(shipping),
        adjustments=tuple(adjustments),
        total_minor=sum(line.minor for line in invoice.lines),
        customer=Recipient(name=address.name),
        ship_to=address,
        bill_to=address,
        payment=PaymentFacts(state="paid", reference=f"retail-{invoice.number}", method="channel"),
        note=_note(invoice),
    )
    report.count("sales")
    report.count("sales_without_goods", not lines)
    report.count("guests", not invoice.customer)
    report.count("countries_unknown", invoice.country not in COUNTRIES)
    report.orders_minor += order.total_minor
    return event_publication(channel, "order_placed", OrderPlaced(order=order), invoice.number)


def _sort(
    line: Line,
    place: int,
    lines: list[OrderLine],
    shipping: list[ShippingLine],
    adjustments: list[Adjustment],
    report: Report,
) -> None:
    """A line of a sale as goods, delivery or adjustment, by the rules of `RULES`."""
    charge = charge_of(line.code)
    if charge is None and line.quantity > 0 and line.price.minor >= 0:
        report.count("free_goods", line.minor == 0)
        lines.append(_goods(line, place))
        return
    if charge is None:
        report.count("taken_back_in_a_sale")
    elif line.minor:
        report.count("charge_lines" if charge.kind else "delivery_lines")
    if not line.minor:
        report.count("empty_charges", charge is not None)
    elif charge and charge.kind is None:
        shipping.append(ShippingLine(title=charge.title, total_minor=line.minor))
    else:
        kind, title = (charge.kind or "other", charge.title) if charge else ("other", line.description)
        adjustments.append(Adjustment(kind=kind, title=title or line.code, amount_minor=line.minor))


def _goods(line: Line, place: int) -> OrderLine:
    return OrderLine(
        line_id=str(place),
        sku=line.code,
        title=line.description,
        quantity=line.quantity,
        unit_price_minor=line.price.minor,
        discount_minor=line.quantity * line.price.minor - line.minor,
        total_minor=line.minor,
    )


def _address(invoice: Invoice) -> Address:
    return Address(
        name=f"Customer {invoice.customer}" if invoice.customer else "Guest",
        line1=SEE_CHANNEL,
        city=SEE_CHANNEL,
        country=COUNTRIES.get(invoice.country, HOME),
    )


def _note(invoice: Invoice) -> str:
    if invoice.country in COUNTRIES:
        return ""
    return f"country {invoice.country[:60]!r} is not stated by the channel, taken as {HOME}"
