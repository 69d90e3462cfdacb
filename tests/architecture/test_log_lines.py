"""`docs/logs.md` says of each line that services log what it is called and what stands in it: neither more nor less."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.tree import PACKAGES, ROOT, imports, modules, parsed, where

DOCUMENT = ROOT / "docs" / "logs.md"
LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}
"""Method of a logger to the level that stands in the line."""
TRACEBACK = "exception"
"""The field that a line gets from `logger().exception`."""
CORRELATION = "correlation"
THE_ONE_LOGGER = "chassis/logs.py"


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of the log is: `story` is whether it bears a correlation id."""

    event: str
    level: str
    fields: frozenset[str]
    story: bool
    said_by: frozenset[str]


def documented() -> list[Line]:
    """The lines as the table has them."""
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [_row(*(cell.strip() for cell in row.strip("|").split("|"))) for row in rows]


def _row(event: str, level: str, when: str, fields: str, story: str, said_by: str) -> Line:
    assert when, event
    assert story in ("yes", "no"), event
    return Line(event.strip("`"), level, _names(fields), story == "yes", _names(said_by))


def _names(cell: str) -> frozenset[str]:
    return frozenset(name.strip(" `") for name in cell.split(",") if name.strip(" `"))


def logged() -> list[Line]:
    """The lines as the source has them; one that is written in several places has the fields of all of them."""
    found: dict[str, list[Line]] = defaultdict(list)
    for path in modules(*PACKAGES):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and _is_log(node.func):
                for line in _lines(node, where(path)):
                    found[line.event].append(line)
    return [_one(lines) for _, lines in sorted(found.items())]


def _is_log(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and ast.unparse(called.value) == "logger()"


def _lines(call: ast.Call, path: str) -> Iterator[Line]:
    method = ast.unparse(call.func).removeprefix("logger().")
    assert all(word.arg for word in call.keywords), (
        f"{path}:{call.lineno} says its fields by name, for the table"
    )
    given = {word.arg for word in call.keywords if word.arg} | (
        {TRACEBACK} if method == "exception" else set()
    )
    for event in _events(call.args[0]):
        fields = frozenset(given - {CORRELATION})
        yield Line(event, LEVELS[method], fields, CORRELATION in given, frozenset((path,)))


def _events(name: ast.expr) -> Iterator[str]:
    """What the event may be called; `*` stands for what is filled in."""
    if isinstance(name, ast.IfExp):
        yield from (*_events(name.body), *_events(name.orelse))
    elif isinstance(name, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in name.values)
    else:
        yield ast.literal_eval(name)


def _one(lines: list[Line]) -> Line:
    first = lines[0]
    assert len({(line.level, line.story) for line in lines}) == 1, f"{first.event} is not the same everywhere"
    fields, said_by = (
        frozenset(name for line in lines for name in getattr(line, of)) for of in ("fields", "said_by")
    )
    return Line(first.event, first.level, fields, first.story, said_by)


def test_the_table_has_every_line_and_no_other() -> None:
    """A log query that was written from the table finds what it names."""
    assert sorted(documented(), key=lambda line: line.event) == logged()


def test_the_table_can_be_looked_through() -> None:
    """Each line once, by its name."""
    names = [line.event for line in documented()]
    assert names == sorted(set(names))


def test_nobody_logs_beside_the_one_logger() -> None:
    """What is said otherwise would be in no table, and not be JSON."""
    others = [where(path) for path in modules(*PACKAGES) if "structlog" in imports(path)]
    assert others == [THE_ONE_LOGGER]
