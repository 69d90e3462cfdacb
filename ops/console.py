"""How commands speak: one clear line when they cannot do it, progress on stderr, JSON for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

PORT_BASE_MAX = 65_000

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data folder of the embedded system.  [default: var]"),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port-base",
        min=1,
        max=PORT_BASE_MAX,
        metavar="N",
        help="First of its ten ports.  [default: remembered, else 8080]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

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
