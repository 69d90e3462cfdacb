"""A value from outside as it may stand in a reason, for ever: nobody can be found in it."""

from __future__ import annotations

import re

WORD = r"(?!(?:\D*\d){6})[\w.-]{1,24}"
AMOUNT = r"[+-]?\d{1,5}(?:[.,]\d{1,3})?"
TIME = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?"
QUOTABLE = re.compile(rf"{WORD}|{AMOUNT}|{TIME}")


def quoted(value: object) -> str:
    """The value, where it is one short word, an amount or a time; else how long it is.

    Whatever has spaces, commas or six digits may be a name, a street or a telephone number that came into the wrong
    field; the message itself can be looked at.
    """
    text = str(value)
    return repr(text) if QUOTABLE.fullmatch(text) else f"a text of {len(text)} characters"
