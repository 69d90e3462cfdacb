"""A true history passes every invariant; what is on its way breaks none."""

from __future__ import annotations

from pathlib import Path

from chassis.bus import Bus
from ops.verify.verdict import TITLES
from tests.ops.true_story import history


async def test_a_true_history_holds(tmp_path: Path, bus: Bus) -> None:
    """Every invariant looked at something and found nothing: the ground that all planted lies stand on."""
    verdicts = await history().audit(tmp_path, bus)
    assert {name: verdict.detail for name, verdict in verdicts.items() if not verdict.holds} == {}
    assert list(verdicts) == list(TITLES)
    assert all(verdict.checked for verdict in verdicts.values())
