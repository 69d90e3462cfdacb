"""A past state in a folder of its own: a real store, made of the events until then, and nothing else happened."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from chassis.chain import GENESIS, link
from chassis.rebuild import all_events
from chassis.sqlite_store import SQLiteStore
from ops.console import CannotDo
from ops.history.past import NOTE, replay_until
from ops.history.replay import replay_service
from ops.history.sku import timeline_of_sku
from ops.system import find
from tests.ops.house import START
from tests.ops.true_story import history

MOMENT = START + timedelta(milliseconds=8)
"""Two lamps are promised to the first order, none has left."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The house with its true history."""
    for store in history().write(tmp_path / "var").values():
        store.close()
    return tmp_path / "var"


def test_the_copy_is_a_data_folder_that_answers_for_that_time(data: Path, tmp_path: Path) -> None:
    """Whatever reads a store reads this one: the timeline finds the stock as it was."""
    past = replay_until(find(data), "inventory", MOMENT, tmp_path / "then")
    assert (past.events, past.position, past.effects_run, past.published) == (4, 4, 0, 0)
    assert timeline_of_sku(find(tmp_path / "then"), "LAMP").state["reserved"] == 2
    assert json.loads((tmp_path / "then" / NOTE).read_text()) == past.as_json()


@pytest.mark.parametrize("service", ["orders", "inventory", "notify"])
def test_its_state_is_what_the_services_own_rules_make_of_the_events(
    data: Path, tmp_path: Path, service: str
) -> None:
    """A replay of the copy finds the very hash that was printed: states, timers, calls and tags."""
    past = replay_until(find(data), service, START + timedelta(days=1), tmp_path / "then")
    again = replay_service(find(tmp_path / "then"), service)
    assert again.equal, again.difference
    assert (again.live_hash, again.events) == (past.state_hash, past.events)


def test_the_events_are_the_same_to_the_byte_with_their_links(data: Path, tmp_path: Path) -> None:
    """The copy proves itself as the original does."""
    replay_until(find(data), "orders", MOMENT, tmp_path / "then")
    copied = list(all_events(SQLiteStore(tmp_path / "then" / "stores" / "orders.sqlite", read_only=True)))
    original = SQLiteStore(data / "stores" / "orders.sqlite", read_only=True).events(limit=len(copied))
    before = GENESIS
    for event in copied:
        before = link(before, event)
        assert event.chain == before
    assert copied == original


def test_nothing_of_the_system_is_touched(data: Path, tmp_path: Path) -> None:
    """Neither a store nor a log of the outside world."""
    before = contents(data)
    replay_until(find(data), "notify", MOMENT, tmp_path / "then")
    assert contents(data) == before


def test_a_folder_that_is_there_is_refused_and_left_alone(data: Path, tmp_path: Path) -> None:
    """It may be somebody's data."""
    (tmp_path / "then").mkdir()
    (tmp_path / "then" / "keep").write_text("mine")
    with pytest.raises(CannotDo, match="is there already"):
        replay_until(find(data), "orders", MOMENT, tmp_path / "then")
    assert [path.name for path in (tmp_path / "then").iterdir()] == ["keep"]


def test_a_time_before_the_first_event_leaves_no_folder(data: Path, tmp_path: Path) -> None:
    """Half a folder would be taken for a whole one."""
    with pytest.raises(CannotDo, match="nothing had happened by then; the first event is of 2026-11-21T12"):
        replay_until(find(data), "orders", START - timedelta(hours=1), tmp_path / "then")
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def contents(data: Path) -> dict[str, str]:
    """Every file with the hash of what is in it; a log's index is the readers' own."""
    return {
        str(path.relative_to(data)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }
