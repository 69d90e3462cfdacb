"""Each planted bug is found, and without one nothing is: so the simulation can be believed."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.runs import first_caught, run_all

SEEDS = 200


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str) -> None:
    """Within 200 seeds; the seed is printed, to look at it again."""
    caught = first_caught(bug, range(SEEDS))
    assert caught is not None, f"{bug} was not found in {SEEDS} seeds"
    assert not caught.wrong[0].startswith("Traceback"), "the simulation fell over, which finds nothing"
    print(f"{bug}: seed {caught.seed}: {caught.wrong[0][:200]}")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_nothing_is_found_where_nothing_is_wrong() -> None:
    """The same seeds on the code as it is."""
    assert {run.seed: run.wrong for run in run_all(range(SEEDS)) if run.wrong} == {}
