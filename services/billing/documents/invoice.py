"""The invoice as a PDF: drawn when asked for, always the same bytes from the same immutable event.

It says what Article 226 of Directive 2006/112/EC asks for: dates of issue and supply, the number, both parties,
quantity, unit price without tax, and per rate the taxable amount and the tax. What letters it can print:
`chassis.typeface`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

from chassis.paper import A4, Paper
from chassis.typeface import Style, wrapped
from contracts.billing import InvoiceIssued, Seller
from services.billing.documents import figures
from services.billing.documents.layout import (
    ACCENT,
    AFTER_HEAD,
    BOTTOM,
    CAPTION,
    COLUMNS,
    DESCRIPTION,
    INK,
    INNER,
    LEFT,
    PLAIN,
    QUIET,
    RIGHT,
    RULE,
    SELLER,
    SMALL,
    STRONG,
    TABLE_HEAD,
    TITLE,
    TOP,
    TOTAL,
    VAT_COLUMNS,
    WASH,
    Column,
    Placed,
    pages,
    placed,
)

BOX_WIDTH, BOX_INSET = 193.0, 11.0
SUMS_LEFT = RIGHT - 204
LINE = 15.0
RESPELLED = "Letters that this document cannot print are spelled in Latin ones."


def render_invoice(invoice: InvoiceIssued) -> bytes:
    """The document, on A4. Takes some tens of milliseconds of CPU: call it on a thread."""
    seller = invoice.seller or figures.NOT_NAMED
    paper = Paper(
        A4,
        title=f"Invoice {invoice.number}",
        author=seller.name,
        made=datetime.combine(invoice.issued_on, time(), UTC),
    )
    y = _parties(paper, invoice, _heading(paper, seller))
    sheets = pages(placed(figures.rows(invoice)), y, _closing_height(invoice))
    for number, rows in enumerate(sheets, 1):
        if number > 1:
            paper.next_page()
            y = _continued(paper, invoice)
        y = _table(paper, rows, y, invoice.currency) if rows else y
        _footer(paper, invoice, number, len(sheets))
    _closing(paper, invoice, y + 16)
    if paper.respelled:
        paper.text(LEFT, BOTTOM + 12, RESPELLED, SMALL)
    return paper.pdf()


def _heading(paper: Paper, seller: Seller) -> float:
    """Who sells, and what this is; ends at the `y` below."""
    paper.text(LEFT, TOP + 14, seller.name, SELLER, within=INNER - 110)
    paper.text(RIGHT, TOP + 16, "Invoice", TITLE, "right")
    paper.rule(LEFT, TOP + 26, INNER, ACCENT, 1.2)
    y = TOP + 26 + 6
    for line in wrapped("  ·  ".join(figures.seller_lines(seller)), SMALL, INNER):
        y += SMALL.leading
        paper.text(LEFT, y, line, SMALL)
    return y + 26


def _parties(paper: Paper, invoice: InvoiceIssued, y: float) -> float:
    """For whom, beside the facts."""
    paper.text(LEFT, y, "Billed to", CAPTION)
    below = y + 4
    buyer = figures.address_lines(invoice.buyer) or [f"Customer of order {invoice.order_id}"]
    for line in (part for text in buyer for part in wrapped(text, PLAIN, INNER - BOX_WIDTH - 28)):
        below += PLAIN.leading
        paper.text(LEFT, below, line, STRONG if line == buyer[0] else PLAIN)
    return max(below, _facts(paper, invoice, y - 10)) + 30


def _facts(paper: Paper, invoice: InvoiceIssued, top: float) -> float:
    known = figures.facts(invoice)
    height = 2 * BOX_INSET + LINE * len(known) - 5
    left = RIGHT - BOX_WIDTH
    paper.box(left, top, BOX_WIDTH, height, WASH, radius=3)
    room = BOX_WIDTH - 2 * BOX_INSET - 66
    for at, (caption, value) in enumerate(known):
        y = top + BOX_INSET + 8 + at * LINE
        paper.text(left + BOX_INSET, y, caption, CAPTION)
        paper.text(RIGHT - BOX_INSET, y, value, STRONG if at == 0 else PLAIN, "right", within=room)
    return top + height


def _continued(paper: Paper, invoice: InvoiceIssued) -> float:
    """The top of a following page."""
    paper.text(LEFT, TOP + 8, f"Invoice {invoice.number}, continued", CAPTION)
    return AFTER_HEAD


def _table(paper: Paper, rows: Iterable[Placed], y: float, currency: str) -> float:
    """Head and rows."""
    paper.text(LEFT, y + 12, f"Description, amounts in {currency}", CAPTION)
    _across(paper, COLUMNS, [column.caption for column in COLUMNS], y + 12, CAPTION)
    y += TABLE_HEAD
    paper.rule(LEFT, y - 4, INNER, INK, 0.8)
    for row in rows:
        _row(paper, row, y + PLAIN.size)
        y += row.height
        paper.rule(LEFT, y - 4, INNER, RULE, 0.4)
    return y


def _row(paper: Paper, placed: Placed, base: float) -> None:
    row = placed.row
    _across(paper, COLUMNS, (row.quantity, row.unit_net, row.rate, row.net, row.gross), base, PLAIN)
    for at, line in enumerate(placed.lines):
        paper.text(LEFT, base + at * PLAIN.leading, line, PLAIN)
    if row.sku:
        paper.text(LEFT, base + len(placed.lines) * PLAIN.leading - 1, row.sku, SMALL, within=DESCRIPTION)


def _across(paper: Paper, columns: Sequence[Column], texts: Sequence[str], y: float, style: Style) -> None:
    for column, text in zip(columns, texts, strict=True):
        paper.text(column.end, y, text, style, "right", within=column.room)


def _closing_height(invoice: InvoiceIssued) -> float:
    lines = max(len(figures.sums(invoice)) + len(figures.payment(invoice)) + 3, len(invoice.vat) + 2)
    return 16 + lines * LINE


def _closing(paper: Paper, invoice: InvoiceIssued, y: float) -> None:
    """The tax by rate, beside what it comes to."""
    _by_rate(paper, invoice, y)
    below = _captioned(paper, figures.sums(invoice), y, PLAIN) + 4
    paper.box(SUMS_LEFT, below - 2, RIGHT - SUMS_LEFT, 26, ACCENT, radius=3)
    paper.text(SUMS_LEFT + BOX_INSET, below + 15, "Total", TOTAL)
    total = f"{figures.money(invoice.total_minor, invoice.currency)} {invoice.currency}"
    paper.text(RIGHT - BOX_INSET, below + 15, total, TOTAL, "right", within=130)
    _captioned(paper, figures.payment(invoice), below + 34, STRONG)


def _by_rate(paper: Paper, invoice: InvoiceIssued, y: float) -> None:
    _across(paper, VAT_COLUMNS, [column.caption for column in VAT_COLUMNS], y + 8, CAPTION)
    paper.rule(LEFT, y + 13, VAT_COLUMNS[-1].end - LEFT, QUIET, 0.6)
    for at, group in enumerate(figures.groups(invoice)):
        _across(paper, VAT_COLUMNS, group, y + 26 + at * LINE, PLAIN)


def _captioned(paper: Paper, entries: Iterable[tuple[str, str]], y: float, style: Style) -> float:
    for caption, value in entries:
        paper.text(SUMS_LEFT + BOX_INSET, y + 8, caption, PLAIN)
        paper.text(RIGHT - BOX_INSET, y + 8, value, style, "right")
        y += LINE
    return y


def _footer(paper: Paper, invoice: InvoiceIssued, number: int, of: int) -> None:
    seller = invoice.seller or figures.NOT_NAMED
    vat_id = f"VAT id {seller.vat_id}" if seller.vat_id else ""
    paper.rule(LEFT, BOTTOM + 22, INNER, RULE, 0.5)
    known = "  ·  ".join(part for part in (seller.name, vat_id) if part)
    paper.text(LEFT, BOTTOM + 34, known, SMALL, within=INNER - 160)
    paper.text(RIGHT, BOTTOM + 34, f"{invoice.number}   Page {number} of {of}", SMALL, "right", within=150)
