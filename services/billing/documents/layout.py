"""Which line of an invoice stands on which page, and what colours and sizes there are. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.paper import A4, MM
from chassis.typeface import BOLD, SEMIBOLD, Style, wrapped
from services.billing.documents.figures import Row

WIDTH, HEIGHT = A4
LEFT, RIGHT = 25 * MM, WIDTH - 20 * MM
INNER = RIGHT - LEFT
TOP, BOTTOM = 22 * MM, HEIGHT - 30 * MM
TABLE_HEAD = 22
AFTER_HEAD = TOP + 24
"""Where the table goes on, below a following page's title."""

INK, QUIET, RULE, ACCENT, WASH, WHITE = "#1d2433", "#667085", "#d5dae3", "#0f5c4d", "#f2f6f5", "#ffffff"
PLAIN = Style(9.5, colour=INK)
STRONG = Style(9.5, SEMIBOLD, INK)
SMALL = Style(8, colour=QUIET)
CAPTION = Style(8, colour=QUIET)
SELLER = Style(17, SEMIBOLD, ACCENT)
TITLE = Style(22, colour=INK)
TOTAL = Style(12, BOLD, WHITE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures: where they end, and how long one may be before it is set smaller. Points."""

    caption: str
    end: float
    room: float


COLUMNS = (
    Column("Quantity", RIGHT - 268, 40),
    Column("Unit price net", RIGHT - 192, 66),
    Column("VAT", RIGHT - 150, 36),
    Column("Net", RIGHT - 76, 66),
    Column("Gross", RIGHT, 68),
)
DESCRIPTION = INNER - 268 - 44
"""The room before them."""
VAT_COLUMNS = (
    Column("VAT", LEFT + 30, 30),
    Column("Net", LEFT + 96, 60),
    Column("Tax", LEFT + 162, 60),
    Column("Gross", LEFT + 228, 60),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A row with its description broken into lines."""

    row: Row
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        """In points, with the space around it."""
        return 10 + len(self.lines) * PLAIN.leading + (SMALL.leading if self.row.sku else 0)


def placed(rows: Sequence[Row]) -> list[Placed]:
    """Each row as tall as its description."""
    return [Placed(row, tuple(wrapped(row.title, PLAIN, DESCRIPTION))) for row in rows]


def pages(rows: Sequence[Placed], first_y: float, closing: float) -> list[list[Placed]]:
    """The rows page by page; `first_y` is where the table begins on the first, `closing` the height of what follows it.

    The last row stays with what closes the invoice, so that no page has sums alone.
    """
    filled: list[list[Placed]] = [[]]
    y = first_y + TABLE_HEAD
    for row in rows:
        if y + row.height > BOTTOM and filled[-1]:
            filled.append([])
            y = AFTER_HEAD + TABLE_HEAD
        filled[-1].append(row)
        y += row.height
    if y + closing > BOTTOM:
        filled.append([filled[-1].pop()] if len(filled[-1]) > 1 else [])
    return filled
