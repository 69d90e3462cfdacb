"""A JSON object in which a key stands twice can be read in two ways, and readers differ in which: it is not guessed.

A body without repeats costs one reading and one writing in C: every key has its colon outside of any text, and what is
inside of texts is written again as it was, so that a repeated key is a colon that got lost on the way. Only where one
did, or where a colon may be hidden behind an escape, the keys are looked at one by one.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from chassis.quoting import quoted

COLON, ESCAPED_COLON = b":", b"\\u003"


class RepeatedKey(ValueError):
    """A key stands twice in one object. The text names it, unless it may be somebody."""


def refuse_repeated_keys(data: bytes) -> None:
    """Raises `RepeatedKey` for JSON with a key that stands twice in one object, at whatever depth.

    Says nothing of what is no JSON at all: that is for its reader to tell.
    """
    if ESCAPED_COLON not in data and _is_written_again_with_every_colon(data):
        return
    try:
        json.loads(data, object_pairs_hook=without_repeats)
    except RecursionError:
        raise RepeatedKey("nested too deeply to see whether a key stands twice") from None
    except RepeatedKey:
        raise
    except ValueError:
        return


def _is_written_again_with_every_colon(data: bytes) -> bool:
    """False, too, for what this reader does not read: others may."""
    try:
        return orjson.dumps(orjson.loads(data)).count(COLON) == data.count(COLON)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its pairs, as `object_pairs_hook` of `json.loads`. Raises `RepeatedKey`."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise RepeatedKey(f"key {quoted(key)} stands twice in one object: it can be read in two ways")
        seen.add(key)
    raise AssertionError("fewer keys than pairs, and none of them twice")
