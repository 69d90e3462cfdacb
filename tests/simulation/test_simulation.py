"""A few seeds of the simulation; `make sim` lives a thousand."""

from __future__ import annotations

import pytest

from tests.simulation.runs import run

QUICK = 15


@pytest.mark.parametrize("seed", range(QUICK))
def test_whatever_happens_it_adds_up(seed: int) -> None:
    """Crashes, repeats, losses and late answers: nothing is lost, nothing is done twice, and it comes to rest."""
    assert run(seed).wrong == ()


def test_the_same_seed_is_the_same_history() -> None:
    """What a seed has found can be looked at as often as it takes."""
    assert run(1).hash == run(1).hash
    assert run(1).hash != run(2).hash


def test_faults_really_happen() -> None:
    """A quiet simulation would prove nothing."""
    happened = {what for seed in range(QUICK) for what in run(seed).happened}
    crashes = {what for what in happened if what.startswith("crash ")}
    assert len(crashes) >= 5
    assert {
        "clock jumped",
        "late publish arrived",
        "restored",
        "caught up",
        "rebuilt",
        "taken over",
    } <= happened
