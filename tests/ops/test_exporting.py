"""What is told of an order to its customer, also where there is none."""

from __future__ import annotations

from pathlib import Path

from ops.personal.exporting import NOT_STORED, exported_order
from ops.system import find
from tests.ops.true_story import history


def test_an_order_that_only_the_keys_know_holds_nothing_up(tmp_path: Path) -> None:
    """The keys are newer than stores that were restored; the person's other orders are told all the same."""
    history().write(tmp_path)
    lost, known = (exported_order(find(tmp_path), f"shop:{number}", {}) for number in (404, 1))
    assert lost == {"order_id": "shop:404", "state": NOT_STORED, "events": []}
    assert known["events"]
