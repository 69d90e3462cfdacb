"""PostgreSQL taken away: at COMMIT, in the middle, for good. One effect each, or a clear refusal."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from chassis import postgres_connections
from chassis.batch import Advance, Batch, NewEvent, Position
from chassis.chain import chained
from chassis.event_store import InDoubt, Store
from chassis.postgres_connections import ConnectionLost
from tests.cut_connections import Cut, Cutter, cutter
from tests.postgres import Database, LocalPostgres, local_postgres

CUTS = 50


@pytest.fixture
def proxy(database: Database) -> Iterator[Cutter]:
    with cutter(database.url) as proxy:
        yield proxy


def step(store: Store, position: int) -> Batch:
    """A batch whose effects would show if they came twice."""
    event = NewEvent(position, f"order/{position}", 1, "t", b"{}", b"")
    return Batch(
        events=chained(store.last_link(), [event]),
        advances=[Advance("ORDERS", position - 1 or None, position, position)],
        counts={"state=seen": 1},
    )


def test_a_connection_cut_at_commit_has_one_effect(
    database: Database, proxy: Cutter, record_property: Callable[[str, object], None]
) -> None:
    """Whether the COMMIT arrived or not, and even while the server is still at it."""
    store = database.store(database.new_cell(), url=proxy.url)
    dice = random.Random(3)
    for position in range(1, CUTS + 1):
        batch = step(store, position)
        proxy.cut_next(dice.choice(list(Cut)))
        store.commit(batch)
    assert proxy.cuts == CUTS
    assert [event.position for event in store.events()] == list(range(1, CUTS + 1))
    assert store.counts("state") == {"seen": CUTS}
    assert store.positions() == {"ORDERS": Position(CUTS, CUTS)}
    store.close()
    record_property("tried", f"cut {proxy.cuts} times, in {len(Cut)} ways: one effect each")


@pytest.mark.parametrize("how", Cut)
def test_a_batch_that_only_moves_a_source_is_recognised_too(
    database: Database, proxy: Cutter, how: Cut
) -> None:
    store = database.store(database.new_cell(), url=proxy.url)
    store.commit(Batch(advances=[Advance("ORDERS", None, 5, 5)]))
    proxy.cut_next(how)
    store.commit(Batch(advances=[Advance("ORDERS", 5, 9, 9)]))
    assert (proxy.cuts, store.positions()) == (1, {"ORDERS": Position(9, 9)})
    store.close()


def test_every_connection_ended_by_the_server_is_opened_again(database: Database) -> None:
    """An administrator, a fail-over, an idle limit: reads and commits go on by themselves."""
    cell = database.new_cell()
    store = database.store(cell)
    store.commit(step(store, 1))
    with psycopg.connect(database.url, autocommit=True) as owner:
        ended = owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s",
            [f"doorstep_{cell}_%"],
        ).fetchall()
    assert ended
    assert store.last_position() == 1
    store.commit(step(store, 2))
    assert store.last_position() == 2
    store.close()


@pytest.mark.timeout(30)
def test_a_batch_larger_than_the_socket_holds_is_sent_to_its_end(database: Database) -> None:
    """The server waits for the rest of it while nobody reads: whoever waits for its answer first waits for ever."""
    store = database.store(database.new_cell())
    large = [NewEvent(n, f"order/{n}", 1, "t", bytes(1_000_000), b"") for n in range(1, 21)]
    store.commit(Batch(events=chained(store.last_link(), large)))
    assert store.last_position() == len(large)
    store.close()


@pytest.mark.timeout(60)
def test_a_server_that_takes_nothing_any_more_is_given_up(database: Database, proxy: Cutter) -> None:
    """Its machine is alive and its sockets are full: the rest of the batch goes nowhere, and no answer can come."""
    store = database.store(database.new_cell(), url=make_conninfo(proxy.url, tcp_user_timeout=1000))
    large = [NewEvent(n, f"order/{n}", 1, "t", bytes(1_000_000), b"") for n in range(1, 21)]
    batch = Batch(events=chained(store.last_link(), large))
    proxy.deafen_next()
    store.commit(batch)
    assert (proxy.cuts, store.last_position()) == (1, len(large))
    store.close()


@pytest.fixture
def server() -> Iterator[LocalPostgres]:
    """One to kill, for one test."""
    with local_postgres() as server:
        yield server


def test_a_killed_server_keeps_what_it_committed_and_is_waited_for(
    server: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is away a commit is refused within its bound; once it is back, the same batch goes in."""
    store = Database(server.url).store("default")
    store.commit(step(store, 1))
    batch = step(store, 2)
    server.kill()
    monkeypatch.setattr(postgres_connections, "FIRST_PAUSE_SECONDS", 0.002)
    begun = time.monotonic()
    with pytest.raises(InDoubt):
        store.commit(batch)
    with pytest.raises(ConnectionLost):
        store.last_position()
    assert time.monotonic() - begun < 10
    server.start()
    assert [event.position for event in store.events()] == [1]
    store.commit(batch)
    assert store.last_position() == 2
    store.close()
