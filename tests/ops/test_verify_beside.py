"""Where there are many events their replays run in a process of its own, and say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.console import CannotDo
from ops.stores import open_stores
from ops.system import System, find
from ops.verify import rebuilds
from ops.verify.evidence import Evidence, weigh
from ops.verify.rebuilds import judge_system, rebuilding
from ops.verify.verdict import Verdict
from tests.ops.true_story import history


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """One with a history that is true, and long enough for two processes."""
    monkeypatch.setattr(rebuilds, "BESIDE_FROM", 1)
    history().write(tmp_path)
    return find(tmp_path)


def evidence(system: System) -> Evidence:
    """Its stores, as nobody writes to them any more."""
    stores = open_stores(system)
    return weigh(stores, stores)


async def judged(system: System, weighed: Evidence) -> Verdict:
    """What the process beside says."""
    async with rebuilding(system, weighed) as rebuilt:
        return await rebuilt()


async def test_it_says_what_would_be_said_here(system: System) -> None:
    """The verdict, to the letter."""
    assert await judged(system, evidence(system)) == judge_system(system)


async def test_a_store_that_it_cannot_read_is_one_line(system: System) -> None:
    """The reason comes from there, and is told here."""
    weighed = evidence(system)
    (system.data / "stores" / "billing.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(CannotDo, match="billing"):
        await judged(system, weighed)


async def test_it_ends_with_whoever_asked(system: System) -> None:
    """Where the others cannot go on, nobody waits for the replays."""
    async with rebuilding(system, evidence(system)) as rebuilt:
        process = rebuilt.args[0]  # type: ignore[attr-defined]
    assert process.returncode == -9
