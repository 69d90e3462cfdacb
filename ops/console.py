"""How commands speak: one clear line when they cannot do it, progress on stderr, JSON for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

import typer

from contracts.actors import NAME_RULE, is_name

PROGRESS_AFTER_SECONDS = 2.0
PROGRESS_EVERY_SECONDS = 1.0


class CannotDo(Exception):
    """A command cannot do what was asked. The text is the one line that says why, and what to do."""


def say(text: str = "") -> None:
    """A line of the command's result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """The result as one line of JSON."""
    say(json.dumps(value, ensure_ascii=False, default=str))


def tell[V](result: V, readable: Callable[[V], str], as_json: bool) -> None:
    """The command's result: one line of JSON for machines, or what `readable` makes of it for people."""
    if as_json:
        say_json(result)
    else:
        say(readable(result))


def columns(rows: Sequence[tuple[str, ...]], ways: str) -> Iterator[str]:
    """Rows as lines with each column as wide as its widest word; `ways` has `<` or `>` for all but the last."""
    widths = [max(len(row[n]) for row in rows) if rows else 0 for n in range(len(ways))]
    for row in rows:
        padded = (f"{word:{way}{width}}" for word, way, width in zip(row, ways, widths, strict=False))
        yield "  ".join((*padded, row[-1]))


def require_signed(actor: str, reason: str) -> None:
    """Raises `CannotDo` where nobody could tell later who did something, or why."""
    if not is_name(actor):
        raise CannotDo(f"--actor is recorded, and has to be somebody's name: {NAME_RULE}")
    if not reason.strip():
        raise CannotDo("--reason is recorded, and has to say why")


def moment(option: str, text: str | None) -> datetime | None:
    """The time that an option names, None where it is not given. Raises `CannotDo` for what is no time with a zone."""
    if text is None:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        raise CannotDo(f"{option} {text!r} is not a time; write it like 2026-11-21T14:03:00Z") from None
    if named.tzinfo is None:
        raise CannotDo(f"{option} {text!r} has no time zone; add Z for UTC")
    return named


def note(text: str) -> None:
    """A line beside the result: what is going on, what was odd."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(text: str) -> NoReturn:
    """End with one line on stderr and exit code 1."""
    note(f"doorstep: {text}")
    raise typer.Exit(1)


def carry_out[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end. What it cannot do becomes one line and exit code 1."""
    import asyncio

    try:
        return asyncio.run(work)
    except CannotDo as reason:
        fail(str(reason))


class Progress:
    """Says how far a long piece of work is: nothing within the first two seconds, then a line each second."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what, self._total = what, total
        self._started = time.monotonic()
        self._next = self._started + PROGRESS_AFTER_SECONDS

    def reached(self, done: int) -> None:
        """So many are done now."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PROGRESS_EVERY_SECONDS
        of = f" of {self._total:,}" if self._total else ""
        note(f"{self._what}: {done:,}{of}, {done / (now - self._started):,.0f}/s")
