"""The soak itself, for half a minute on each kind of bus, so that the long one can be trusted to end well."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.ops.running import REPOSITORY

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(400)]

MINUTES, SEED = "0.5", "7"


@pytest.mark.parametrize("bus", ["one", "cluster"])
def test_a_short_soak_breaks_things_and_everything_holds(
    bus: str, record_property: Callable[[str, object], None]
) -> None:
    """It says what it did: orders came in, services and nats-servers were killed, and nothing was wrong."""
    command = [sys.executable, "-m", "tests.faults.soak", "--minutes", MINUTES, "--seed", SEED, "--bus", bus]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.findall(r"^(.+?) {2,}(\d+|hold)\b", done.stdout, re.M))
    assert int(rows["orders"]) > 0
    assert int(rows["service killed"]) > 0
    assert int(rows["nats killed"]) > 0
    assert rows["invariants I1-I13, and the judgement of each order"] == "hold"
    record_property("tried", f"{MINUTES} minutes on {bus}, seed {SEED}: {rows}")
