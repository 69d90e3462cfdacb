"""A PDF being drawn. The same strokes make the same bytes, whenever and wherever: no clock goes in, and no chance.

Measures are points (1/72 inch), from the top left corner of the page; text stands on its baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Literal

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from chassis.typeface import REGULAR, Style, fitting, loaded, printable, width

MM = 72 / 25.4
"""Points in a millimetre."""
A4 = (210 * MM, 297 * MM)
_ONE_AT_A_TIME = Lock()
"""reportlab reads a font file through one position in it: two documents must not take their glyphs at once."""

type Align = Literal["left", "right", "centre"]
SHARE_BEFORE: Mapping[Align, float] = {"left": 0, "right": 1, "centre": 0.5}
"""How much of a text's length stands to the left of its `x`."""


class Paper:
    """One document. `size` is (width, height) of its pages, `made` the date that it carries."""

    def __init__(self, size: tuple[float, float], *, title: str, author: str, made: datetime) -> None:
        self.width, self.height = size
        self.respelled = False
        """Whether some text was not printed as it was written (see `chassis.typeface`)."""
        self._canvas = Canvas(
            None,
            pagesize=size,
            pageCompression=1,
            invariant=1,
            lang="en",
            initialFontName=loaded(REGULAR),
        )
        date = f"D:{made.astimezone(UTC):%Y%m%d%H%M%S}+00'00'"
        self._canvas.setDateFormatter(lambda *_: date)
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setCreator("Doorstep")
        self._canvas.setSubject(title)

    def text(
        self, x: float, y: float, text: str, style: Style, align: Align = "left", within: float | None = None
    ) -> None:
        """One line of text that begins, ends or has its middle at `x`; smaller where it would exceed `within`."""
        said = printable(text)
        self.respelled = self.respelled or said.respelled
        style = style if within is None else fitting(said.text, style, within)
        left = x - SHARE_BEFORE[align] * width(said.text, style)
        self._canvas.setFillColor(HexColor(style.colour))
        self._canvas.setFont(loaded(style.face), style.size)
        self._canvas.drawString(left, self.height - y, said.text)

    def rule(self, x: float, y: float, length: float, colour: str, thickness: float) -> None:
        """A line across."""
        self._canvas.setStrokeColor(HexColor(colour))
        self._canvas.setLineWidth(thickness)
        self._canvas.line(x, self.height - y, x + length, self.height - y)

    def box(
        self, x: float, y: float, width: float, height: float, colour: str = "#000000", radius: float = 0
    ) -> None:
        """A filled rectangle; `y` is its upper edge."""
        self._canvas.setFillColor(HexColor(colour))
        bottom = self.height - y - height
        if radius:
            self._canvas.roundRect(x, bottom, width, height, radius, stroke=0, fill=1)
        else:
            self._canvas.rect(x, bottom, width, height, stroke=0, fill=1)

    def next_page(self) -> None:
        """Ends this page and begins another."""
        self._canvas.showPage()

    def pdf(self) -> bytes:
        """The document, finished. Takes CPU time: call it off the event loop."""
        with _ONE_AT_A_TIME:
            return bytes(self._canvas.getpdfdata())
