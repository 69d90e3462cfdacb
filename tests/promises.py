"""docs/promises.md: what is promised, and what was done to break it, as the tests themselves recorded it.

`make test`, `make test-faults` and `make soak` each add to `build/tried.jsonl`; `make promises` writes the page from it
and runs nothing. A promise none of whose tests was recorded is shown as not tried.
"""

from __future__ import annotations

import argparse
import platform
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.record import RECORD, Trial, read

PAGE = Path("docs/promises.md")
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
            "faults/soak.py",
            "faults/test_starved.py",
            "faults/test_taken_away.py",
            "faults/test_standby_takes_over.py",
            "story/test_what_channels_send.py",
            "faults/test_database_killed.py",
            "chassis/test_outages.py",
        ),
    ),
    "P2": (
        "every effect once",
        (
            "faults/test_killed_anywhere.py",
            "faults/test_two_of_a_kind.py",
            "faults/test_standby_takes_over.py",
            "faults/test_slow_network.py",
            "faults/test_clock_skew.py",
            "faults/test_database_killed.py",
            "chassis/test_postgres_killed.py",
            "chassis/test_postgres_outages.py",
            "chassis/test_batch_in_doubt.py",
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
        (
            "ops/test_heal",
            "ops/test_damaged_stores.py",
            "ops/test_cli_restore.py",
            "chassis/test_catching_up.py",
            "faults/test_set_back.py",
            "faults/test_damaged_files.py",
        ),
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

Written by `make promises` from what the tests recorded when they last ran, {machine}. Each line is a
test that tries to break the promise. `held` counts its cases, held of tried, in all recorded runs; what it did, the
date and the commit (`+` with changes on top) are those of its last run. How an order goes is told in
[its life](life-of-an-order.md), what can go wrong in [faults](faults.md).
"""
TABLE = ("| how it was tried | runs | held | last | at |", "|---|---|---|---|---|")


def page(trials: Iterable[Trial]) -> str:
    """The whole page."""
    tests = defaultdict[str, list[Trial]](list)
    for trial in trials:
        tests[trial.test.partition("[")[0]].append(trial)
    machine = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    chapters = (_chapter(promise, tests) for promise in PROMISES)
    return "\n".join((HEAD.format(machine=machine), *chapters))


def _chapter(promise: str, tests: dict[str, list[Trial]]) -> str:
    title, where = PROMISES[promise]
    rows = [_row(test, trials) for test, trials in sorted(tests.items()) if _is_in(test, where)]
    return "\n".join((f"## {promise}: {title}", "", *((*TABLE, *rows) if rows else ("Not tried.",)), ""))


def _is_in(test: str, where: Iterable[str]) -> bool:
    return test.removeprefix("tests/").startswith(tuple(where))


def _row(test: str, trials: Sequence[Trial]) -> str:
    file, _, name = test.rpartition("::")
    words = NAMELESS.get(name, name).removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
    last = max(trial.run for trial in trials)
    newest = [trial for trial in trials if trial.run == last]
    did = "; ".join(said for trial in newest for said in trial.did)
    held = sum(trial.passed for trial in trials)
    result = "held" if all(trial.passed for trial in newest) else "**BROKEN**"
    return (
        f"| {words}{f' ({did})' if did else ''} `{file.removeprefix('tests/')}` | {len({t.run for t in trials})}"
        f" | {held}/{len(trials)} | {result} {newest[-1].run[:10]} | {newest[-1].commit} |"
    )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.promises", description=__doc__)
    parser.add_argument("record", nargs="?", type=Path, default=RECORD)
    PAGE.write_text(page(read(parser.parse_args().record)))


if __name__ == "__main__":
    main()
