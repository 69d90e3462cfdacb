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
NO_SIGN = dict.fromkeys("nrtbf", " ")


def readings(text: str) -> Iterator[str]:
    """The text in small letters and composed, then with one layer of escapes after the other taken off."""
    reading = unicodedata.normalize("NFC", text).lower()
    for _ in range(DEPTH):
        yield reading
        if not any(map(reading.__contains__, WRAPS)):
            return
        before, reading = reading, _unwrapped(reading)
        if reading == before:
            return
    yield reading


def _unwrapped(text: str) -> str:
    plain = IN_JSON.sub(_of_json, unescape(text))
    return IN_MAIL.sub(lambda code: chr(int(code[1], 16)), unquote(plain)).lower()


def _of_json(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else NO_SIGN.get(escape[2], escape[2])
