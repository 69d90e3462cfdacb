"""docs/promises.md: what is promised, and what was done to break it the last time. Written by the tests themselves.

`make promises` runs the tests named here and writes the page; a promise none of whose tests ran is shown as not tried.
A test adds what it did with `record_property("tried", "83 kills")`.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

PROMISES = {
    "P1": (
        "no order is lost",
        (
            "faults/test_killed_anywhere.py",
            "faults/test_cluster.py",
            "faults/test_partitions.py",
            "faults/test_power_cut.py",
            "faults/test_full_disk.py",
            "faults/test_soak.py",
            "story/test_what_channels_send.py",
            "chassis/test_outages.py",
        ),
    ),
    "P2": (
        "every effect once",
        (
            "faults/test_killed_anywhere.py",
            "faults/test_two_of_a_kind.py",
            "faults/test_slow_network.py",
            "faults/test_clock_skew.py",
            "story/test_money_of_an_order.py",
            "simulation/",
        ),
    ),
    "P3": ("no oversell", ("inventory/test_stock_laws.py", "faults/test_killed_anywhere.py")),
    "P4": ("money balances", ("story/test_money_of_an_order.py", "story/test_books_of_the_shop.py")),
    "P5": (
        "state is a function of the log",
        ("story/test_books_of_the_shop.py", "ops/test_replay.py", "ops/test_replay_under_traffic.py"),
    ),
    "P6": (
        "two copies heal each other",
        ("ops/test_heal", "ops/test_cli_restore.py", "faults/test_damaged_files.py"),
    ),
    "P7": ("why is always answerable", ("ops/test_timeline", "ops/test_audit")),
    "P8": (
        "refused, never dropped",
        ("ops/test_park.py", "story/test_what_channels_send.py", "faults/test_bad_input.py"),
    ),
}
"""Promise -> in short, and the tests that try to break it, by how their path under tests/ begins."""
NAMELESS = {"runTest": "any sequence of commands that a state machine of hypothesis thinks of"}
HEAD = """# What Doorstep promises, and how that was tried

Written by `make promises` on {date} at commit {commit}, {machine}. Each line is a test that tries to break the
promise; `runs` counts its cases, passed of tried. How an order goes is told in [its life](life-of-an-order.md).
"""


@dataclass
class Tried:
    """One test function, all its cases."""

    runs: int = 0
    passed: int = 0
    did: list[str] = field(default_factory=list)


class Scribe:
    """Listens to the tests and writes the page at the end."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._tried: dict[str, Tried] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a case once: when it ran, or when it could not be set up."""
        if report.when == "teardown" or report.skipped or (report.when == "setup" and report.passed):
            return
        tried = self._tried.setdefault(report.nodeid.partition("[")[0], Tried())
        tried.runs += 1
        tried.passed += report.passed
        tried.did += [str(said) for name, said in report.user_properties if name == "tried"]

    def pytest_sessionfinish(self) -> None:
        """Write the page."""
        self._page.write_text("\n".join((_head(), *map(self._chapter, PROMISES))))

    def _chapter(self, promise: str) -> str:
        title, where = PROMISES[promise]
        rows = [
            row for test, tried in self._tried.items() if _is_in(test, where) for row in (_row(test, tried),)
        ]
        table = ["| how it was tried | runs | result |", "|---|---|---|", *rows] if rows else ["Not tried."]
        return "\n".join((f"## {promise}: {title}", "", *table, ""))


def _head() -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    machine = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return HEAD.format(date=datetime.now(UTC).date(), commit=commit or "unknown", machine=machine)


def _is_in(test: str, where: Iterable[str]) -> bool:
    return test.removeprefix("tests/").startswith(tuple(where))


def _row(test: str, tried: Tried) -> str:
    file, _, name = test.rpartition("::")
    words = NAMELESS.get(name, name).removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
    did = f" ({'; '.join(tried.did)})" if tried.did else ""
    result = "held" if tried.passed == tried.runs else "**BROKEN**"
    return f"| {words}{did} `{file.removeprefix('tests/')}` | {tried.passed}/{tried.runs} | {result} |"


def paths() -> list[str]:
    """The test files that the promises name."""
    tests = Path(__file__).parent
    files = {path.relative_to(tests.parent) for path in tests.rglob("test_*.py")}
    named = tuple(name for _, where in PROMISES.values() for name in where)
    return sorted(str(file) for file in files if _is_in(str(file), named))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--promises FILE` writes the page there."""
    parser.addoption("--promises", type=Path, default=None, help="write what was tried into this page")


def pytest_configure(config: pytest.Config) -> None:
    """Listen only if the page is wanted."""
    page: Path | None = config.getoption("--promises")
    if page is not None:
        config.pluginmanager.register(Scribe(page))


if __name__ == "__main__":
    print("\n".join(paths()))
