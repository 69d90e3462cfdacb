"""The typeface of what we print, embedded in every PDF: Open Sans (Steve Matteson, Apache-2.0), from `ttf-opensans`.

It writes Latin with all its accents, Vietnamese, Greek and Cyrillic. A sign that it does not have (Arabic, Chinese,
Georgian, an emoji ...) is respelled in Latin letters, sign by sign (`anyascii`): a name that can be read aloud is
worth more than a row of empty boxes. Where that knows nothing either, `UNKNOWN` stands. Both are told to the caller,
who says so on the paper; nothing raises, and nothing is left out in silence.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import ttf_opensans
from anyascii import anyascii
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont

UNKNOWN = "\ufffd"
"""Stands for a sign that cannot even be spelled: a question mark in a lozenge."""
SPACES = ("Zs", "Zl", "Zp", "Cc")
ACCENTS = ("Mn", "Me")
REGULAR, SEMIBOLD, BOLD = "OpenSans-Regular", "OpenSans-SemiBold", "OpenSans-Bold"


@dataclass(frozen=True, slots=True)
class Style:
    """How text is set: size in points, face, colour as `#rrggbb`."""

    size: float
    face: str = REGULAR
    colour: str = "#000000"

    @property
    def leading(self) -> float:
        """From one baseline to the next, in points."""
        return self.size * 1.36


@dataclass(frozen=True, slots=True)
class Printable:
    """Text as it can be printed; `respelled` where that is not how it was written."""

    text: str
    respelled: bool = False


def printable(text: str) -> Printable:
    """The text in signs that the typeface has. Line breaks and other control characters become spaces."""
    composed = unicodedata.normalize("NFC", text)
    if composed.isascii() and composed.isprintable():
        return Printable(composed)
    signs = [_sign(sign) for sign in composed]
    return Printable("".join(sign.text for sign in signs), any(sign.respelled for sign in signs))


def width(text: str, style: Style) -> float:
    """How long the text is in print, in points."""
    return float(stringWidth(printable(text).text, loaded(style.face), style.size))


def wrapped(text: str, style: Style, points: float) -> list[str]:
    """The text in lines no longer than `points`; a word that is longer is broken. Without a word there is no line."""
    lines: list[str] = []
    for word in unicodedata.normalize("NFC", text).split():
        together = f"{lines[-1]} {word}" if lines else word
        if lines and width(together, style) <= points:
            lines[-1] = together
        else:
            lines += _broken(word, style, points)
    return lines


def fitting(text: str, style: Style, points: float) -> Style:
    """The style, smaller where the text would be longer than `points`."""
    length = width(text, style)
    return style if length <= points else replace(style, size=style.size * points / length)


@cache
def loaded(face: str) -> str:
    """The face's name in reportlab, which has read it from then on."""
    registerFont(TTFont(face, str(Path(ttf_opensans.TTF_BIN_FOLDER) / f"{face}.ttf")))
    return face


def _broken(word: str, style: Style, points: float) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and width(pieces[-1] + letter, style) > points:
            pieces.append("")
        pieces[-1] += letter
    return pieces


@cache
def _glyphs() -> frozenset[int]:
    """The code points that the typeface has a glyph for; its three faces have the same."""
    return frozenset(getFont(loaded(REGULAR)).face.charToGlyph)


def _sign(sign: str) -> Printable:
    category = unicodedata.category(sign)
    if category in SPACES:
        return Printable(" ")
    if category == "Cf":  # joiners, direction marks, soft hyphens: nobody sees them
        return Printable("")
    if ord(sign) in _glyphs():
        return Printable(sign)
    spelled = anyascii(sign) or ("" if category in ACCENTS else UNKNOWN)
    return Printable(spelled, respelled=True)
