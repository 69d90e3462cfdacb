"""The newest events of a type, however long ago they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from chassis import sqlite_store
from chassis.batch import Batch, NewEvent
from chassis.sqlite_store import SQLiteStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SQLiteStore:
    """Thirty events, every tenth a rare one, looked through four at a time."""
    monkeypatch.setattr(sqlite_store, "WINDOW", 4)
    store = SQLiteStore(tmp_path / "orders.sqlite")
    store.commit(Batch(events=[_event(position) for position in range(1, 31)]))
    return store


def _event(position: int) -> NewEvent:
    kind = "rare" if position % 10 == 0 else "common"
    return NewEvent(position, f"toy/{position}", 1, kind, b"{}", b"{}")


def _found(store: SQLiteStore, kind: str, limit: int, **more: int) -> list[int]:
    return [event.position for event in store.recent([kind], limit, **more)]


def test_rare_events_are_found_behind_many_others(store: SQLiteStore) -> None:
    """A page that ends early would say that there is no more."""
    assert _found(store, "rare", 2) == [30, 20]
    assert _found(store, "rare", 9) == [30, 20, 10]
    assert _found(store, "common", 6) == [29, 28, 27, 26, 25, 24]


def test_a_page_goes_on_below_the_one_before(store: SQLiteStore) -> None:
    """Nothing twice, nothing left out, and nothing below the first position."""
    assert _found(store, "rare", 2, before=20) == [10]
    assert _found(store, "rare", 2, before=1) == []


def test_who_asks_for_what_is_recent_does_not_pay_for_history(store: SQLiteStore) -> None:
    """`back` bounds the look back, in positions."""
    assert _found(store, "rare", 9, back=11) == [30, 20]
