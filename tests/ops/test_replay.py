"""A replay makes the same state of the same events, says so with two hashes, and calls nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chassis.batch import Batch
from chassis.sqlite_store import SQLiteStore
from ops.console import CannotDo
from ops.history.replay import Replayed, replay, replay_service
from ops.system import find
from tests.ops.house import House
from tests.ops.house_tables import tables
from tests.ops.true_story import history


def replayed(house: House, data: Path, service: str) -> Replayed:
    """The outcome for one service of a house."""
    store: SQLiteStore = house.write(data)[service]
    with store.snapshot() as still:
        return replay(tables()[service], still, still)


def test_a_true_history_gives_the_live_state_byte_for_byte(tmp_path: Path) -> None:
    """State is a function of the log."""
    outcome = replayed(history(), tmp_path, "billing")
    assert outcome.equal
    assert outcome.as_json() | {"seconds": 0} == {
        "service": "billing",
        "events": 10,
        "seconds": 0,
        "live_hash": outcome.live_hash,
        "rebuilt_hash": outcome.live_hash,
        "equal": True,
        "effects_run": 0,
    }


def test_the_first_difference_is_named(tmp_path: Path) -> None:
    """Two hashes tell that something is wrong; people need to know what."""
    house = history()
    house.states["payment/shop:2"] = {"state": "invented"}
    outcome = replayed(house, tmp_path, "billing")
    assert not outcome.equal
    assert outcome.difference.startswith("rebuilt entity payment/shop:2")
    assert "invented" in outcome.difference


def test_what_an_earlier_release_did_not_know_of_is_no_difference(tmp_path: Path) -> None:
    """It wrote states with fewer fields; whoever upgrades would be told that all of them are wrong."""
    store: SQLiteStore = history().write(tmp_path)["billing"]
    with store.snapshot() as still:
        written = next(row for row in still.entities() if row.entity.startswith("payment/"))
    shorter = {name: value for name, value in json.loads(written.state).items() if name != "vat_note"}
    store.commit(Batch(entities=[written._replace(state=json.dumps(shorter).encode())]))
    with store.snapshot() as still:
        outcome = replay(tables()["billing"], still, still)
    assert (outcome.equal, outcome.difference) == (True, "")


def test_an_event_that_no_table_knows_stops_the_replay_with_its_name(tmp_path: Path) -> None:
    """An older release cannot read a newer log, and says so."""
    house = history()
    house.find("PaymentDue").type = "billing.PaymentImagined.v1"
    store = SQLiteStore(tmp_path / "billing.sqlite")
    store.commit(Batch(events=house.rows("billing")))
    with (
        store.snapshot() as still,
        pytest.raises(CannotDo, match=r"billing: an event cannot be replayed: .*PaymentImagined"),
    ):
        replay(tables()["billing"], still, still)


def test_a_system_that_never_ran_is_told_how_to_start(tmp_path: Path) -> None:
    """No store, nothing to replay."""
    with pytest.raises(CannotDo, match="no store of billing"):
        replay_service(find(tmp_path), "billing")
