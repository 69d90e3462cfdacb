"""A text as it is, and as those read it who take off what JSON, links, HTML and mails put around characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

DEPTH = 5
"""JSON in a link in JSON is three. What is wrapped more often nobody wrote for people."""
WRAPS = "\\&%="
IN_JSON = re.compile(r"\\(?:u([0-9a-f]{4})|(.))", re.DOTALL)
IN_MAIL = re.compile(r"=(2[bde]|40|5f)")
"""Quoted-printable, of the signs that an address has beside letters and digits."""
TOO_LONG = re.compile(r"&#\d{9,};?")
"""No character has such a number, and Python refuses to read one of thousands of digits."""
MARK = (
    r"[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
)
MARKS = re.compile(f"({MARK}{{30}}){MARK}+")
"""More than anybody writes over one letter: putting them in order takes time by the square (Unicode's UAX 15, 13)."""
NO_SIGN = dict.fromkeys("nrtbf", " ")


def readings(text: str) -> Iterator[str]:
    """The text in small letters and composed, then with one layer of escapes after the other taken off."""
    reading = unicodedata.normalize("NFC", MARKS.sub(r"\1", text)).lower()
    for _ in range(DEPTH):
        yield reading
        if not any(map(reading.__contains__, WRAPS)):
            return
        before, reading = reading, _unwrapped(reading)
        if reading == before:
            return
    yield reading


def _unwrapped(text: str) -> str:
    plain = IN_JSON.sub(_of_json, unescape(TOO_LONG.sub("", text)))
    return IN_MAIL.sub(lambda code: chr(int(code[1], 16)), unquote(plain)).lower()


def _of_json(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else NO_SIGN.get(escape[2], escape[2])
