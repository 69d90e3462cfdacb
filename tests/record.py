"""What was tried and what came of it, a line of JSON each, for `tests/promises.py` to read.

`pytest --record FILE` adds a line for each test that ran. A test says more of what it did with
`record_property("tried", "83 kills")`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

RECORD = Path("build/tried.jsonl")


@dataclass(frozen=True)
class Trial:
    """One case of one test: `run` is when its run began (RFC 3339), `commit` what it ran on, `+` if changed since."""

    test: str
    passed: bool
    seconds: float
    run: str
    commit: str
    did: tuple[str, ...] = ()


def read(file: Path) -> list[Trial]:
    """Every line, oldest first; none where there is no file."""
    if not file.exists():
        return []
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return [Trial(**{**line, "did": tuple(line["did"])}) for line in lines]


def add(file: Path, trials: Iterable[Trial]) -> None:
    """Behind what is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.writelines(f"{json.dumps(asdict(trial))}\n" for trial in trials)


def now() -> str:
    """The moment, for a run that begins."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def commit() -> str:
    """What the tests run on."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


class Recorder:
    """Writes down each test as it ends, so that a run that is stopped is recorded as far as it got."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._run = now()
        self._said = list[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Once for each case: when it ran, or when it could not be set up; and when it ended badly afterwards."""
        has_ended = report.when == "call" or (report.failed and report.when in ("setup", "teardown"))
        if not has_ended or report.skipped:
            return
        did = tuple(str(said) for name, said in report.user_properties if name == "tried")
        self._said += [f"{report.nodeid.rpartition('::')[2]}: {said}" for said in did]
        seconds = round(report.duration, 2)
        add(self._file, [Trial(report.nodeid, report.passed, seconds, self._run, commit(), did)])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What they did, with the seeds to do it again."""
        for said in self._said:
            terminalreporter.write_line(said)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--record FILE`."""
    parser.addoption(
        "--record", type=Path, default=None, help="add what was tried to this file of JSON lines"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Record only where it is wanted, and once: whoever shares the tests out hears of all of them."""
    file: Path | None = config.getoption("--record")
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(file))
