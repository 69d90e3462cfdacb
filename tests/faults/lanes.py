"""Every row of the fault matrix within ten minutes: three at a time, as most of what they do is wait.

`python -m tests.faults.lanes --record FILE`. Those that compare how long things take come last, with nothing beside
them. What pytest says of each is shown when it has ended. Exit code 1 where anything failed, else 0.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath
from queue import SimpleQueue

from tests.faults.matrix import TESTS, selection
from tests.ops.running import PORTS_FROM
from tests.record import RECORD

ALONE = (
    "tests/faults/test_overload.py::test_five_times_too_much_is_turned_away_and_the_rest_is_served_as_ever",
    "tests/faults/test_bad_beside_good.py",
    "tests/faults/test_starved.py::test_a_service_that_takes_its_time_holds_nobody_up",
)
SMALL = ("chassis", "billing", "simulation", "test_tcp_proxy", "test_two_of_a_kind")
"""Seconds each: not worth a pytest of their own."""
FIRST = {"test_cluster", "test_killed_anywhere", "test_power_cut", "test_set_back", "small", "test_full_disk"}
"""Those that take longest, so that no lane is left with one of them at the end."""
LANES = (21_000, 24_000, 27_000)
"""By lane: where the ports of its systems begin, so that two that look for free ones at the same time find others."""


def together(tests: Iterable[str]) -> dict[str, list[str]]:
    """Tests by the name of what runs in one pytest: a file of this folder, all that is in another one, or more."""
    found = dict[str, list[str]]()
    for test in tests:
        path = PurePath(test.partition("::")[0])
        name = path.stem if path.parent.name == "faults" else path.parent.name
        group = "alone" if test in ALONE else "small" if name in SMALL else name
        found.setdefault(group, []).append(test)
    return found


def run(name: str, tests: Sequence[str], ports_from: int, record: Path) -> bool:
    """One pytest, from its start to what it said. Whether everything held."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--record", str(record), "--durations", "5", *tests],
        cwd=TESTS.parent,
        env=os.environ | {PORTS_FROM: str(ports_from)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    sys.stdout.write(f"\n=== {name}: {time.monotonic() - began:.0f} s\n{done.stdout}")
    sys.stdout.flush()
    return done.returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them all; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, default=RECORD, help="add what was tried to this file")
    record = parser.parse_args(arguments).record
    began, waiting = time.monotonic(), together(selection())
    alone, ports = waiting.pop("alone"), SimpleQueue[int]()
    for first in LANES:
        ports.put(first)

    def in_a_lane(group: tuple[str, list[str]]) -> bool:
        lane = ports.get()
        try:
            return run(*group, lane, record)
        finally:
            ports.put(lane)

    waiting = dict(sorted(waiting.items(), key=lambda group: group[0] not in FIRST))
    with ThreadPoolExecutor(len(LANES)) as lanes:
        held = list(lanes.map(in_a_lane, waiting.items()))
    held.append(run("alone", alone, LANES[0], record))
    names = [name for name, well in zip((*waiting, "alone"), held, strict=True) if not well]
    print(
        f"\n{time.monotonic() - began:.0f} s in all; {f'not held: {", ".join(names)}' if names else 'all held'}"
    )
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
