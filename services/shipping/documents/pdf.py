"""The label as a PDF of 4 x 6 inches. Same label, same bytes: no clock goes in, no chance.

What letters it can print: `chassis.typeface`; the label says where a name had to be spelled in others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from chassis.paper import Paper
from chassis.typeface import BOLD, REGULAR, SEMIBOLD, Style, wrapped
from services.shipping.documents.bars import code128
from services.shipping.documents.label import ShippingLabel, shortened

INCH = 72.0
WIDTH, HEIGHT, MARGIN = 4 * INCH, 6 * INCH, 0.15 * INCH
INNER = WIDTH - 2 * MARGIN
DOT = INCH / 203
"""A dot of the printers that most shops have; bars are whole dots wide where the number is short enough."""
QUIET_MODULES = 10
"""Blank modules on either side of the bars (ISO/IEC 15417)."""

CARRIER = Style(20, BOLD)
COUNTRY = Style(20, BOLD, "#ffffff")
CAPTION = Style(5.5)
SMALL = Style(6.5)
FACT = Style(8, SEMIBOLD)
NUMBER = Style(15, BOLD)
NAME, STREET = Style(12, BOLD), Style(12)

SHIP_TO_TOP, SHIP_TO_HEIGHT = 93.0, 116.0
LINE_MAX = 16.5
BARS_TOP, BARS_HEIGHT = 262.0, 94.0
RESPELLED = "Spelled in Latin letters where this label has no others"


def pdf(label: ShippingLabel) -> bytes:
    """The document. Some ten milliseconds of CPU; call it off the event loop."""
    paper = Paper(
        (WIDTH, HEIGHT), title=f"Label {label.tracking_number}", author=label.carrier, made=label.labelled_at
    )
    _head(paper, label)
    _ship_to(paper, label.ship_to)
    _facts(paper, label)
    _bars(paper, label.tracking_number)
    _foot(paper, label)
    return paper.pdf()


def _head(paper: Paper, label: ShippingLabel) -> None:
    paper.box(WIDTH - MARGIN - 50, MARGIN, 50, 30)
    paper.text(WIDTH - MARGIN - 25, MARGIN + 22, label.country or "--", COUNTRY, "centre", within=44)
    paper.text(MARGIN, MARGIN + 22, label.carrier.upper(), CARRIER, within=INNER - 60)
    _rule(paper, 46)
    paper.text(MARGIN, 55, "FROM", CAPTION)
    for at, line in enumerate(wrapped(label.ship_from, SMALL, INNER)[:2]):
        paper.text(MARGIN, 64 + at * 8.5, line, SMALL, within=INNER)
    _rule(paper, 78)
    paper.text(MARGIN, 87, "SHIP TO", CAPTION)


def _ship_to(paper: Paper, lines: Sequence[str]) -> None:
    height = min(LINE_MAX, SHIP_TO_HEIGHT / max(1, len(lines)))
    for at, line in enumerate(lines):
        usual = NAME if at == 0 else STREET
        style = Style(min(usual.size, height / 1.36), usual.face)
        paper.text(MARGIN, SHIP_TO_TOP + (at + 0.8) * height, line, style, within=INNER)


def _facts(paper: Paper, label: ShippingLabel) -> None:
    _rule(paper, 214)
    columns = (
        (MARGIN, 128.0, "ORDER", shortened(label.order_id, 24)),
        (150.0, 60.0, "WEIGHT", label.weight or "-"),
        (222.0, 54.0, "PARCEL", f"{label.number} of {label.of}"),
    )
    for x, room, caption, value in columns:
        paper.text(x, 223, caption, CAPTION)
        paper.text(x, 235, value, FACT, within=room)
    _rule(paper, 242)


def _bars(paper: Paper, number: str) -> None:
    """One rectangle for each black stretch; they begin on a printer's dot."""
    modules = code128(number)
    unit = _unit(len(modules))
    left = round((WIDTH - len(modules) * unit) / 2 / DOT) * DOT
    at = 0
    for colour, stretch in groupby(modules):
        width = len(list(stretch))
        if colour == "1":
            paper.box(left + at * unit, BARS_TOP, width * unit, BARS_HEIGHT)
        at += width
    paper.text(WIDTH / 2, BARS_TOP + BARS_HEIGHT + 22, number, NUMBER, "centre", within=INNER)


def _unit(modules: int) -> float:
    """How wide a module is, in points: whole dots if a whole one fits."""
    room = INNER / (modules + 2 * QUIET_MODULES)
    return room // DOT * DOT or room


def _foot(paper: Paper, label: ShippingLabel) -> None:
    _rule(paper, 402)
    paper.text(MARGIN, 413, shortened(label.parcel_id, 44), SMALL, within=INNER - 60)
    paper.text(WIDTH - MARGIN, 413, f"{label.labelled_at:%Y-%m-%d}", SMALL, "right")
    if paper.respelled:
        paper.text(MARGIN, 422, RESPELLED, Style(CAPTION.size, REGULAR))


def _rule(paper: Paper, y: float) -> None:
    paper.rule(MARGIN, y, INNER, "#000000", 1.2)
