"""PostgreSQL is killed again and again while batches are committed one after the other: one effect of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from eventsourcing.persistence import OperationalError

from chassis.batch import Position
from chassis.event_store import Store
from tests.chassis.test_postgres_outages import step
from tests.conftest import eventually
from tests.postgres import Database, LocalPostgres, local_postgres

KILLS = 50
WITHIN_SECONDS = 60.0

type Note = Callable[[str, object], None]


@pytest.fixture
def server() -> Iterator[LocalPostgres]:
    with local_postgres() as server:
        yield server


def patiently[T](ask: Callable[[], T]) -> T:
    """Again and again until there is an answer, for as long as any restart may take."""
    give_up = time.monotonic() + WITHIN_SECONDS
    while True:
        try:
            return ask()
        except OperationalError:
            if time.monotonic() > give_up:
                raise


class Writer:
    """Commits one batch after the other, each until it is taken."""

    def __init__(self, store: Store) -> None:
        self.done = 0
        self.over = threading.Event()
        self._store = store

    def run(self) -> None:
        while not self.over.is_set():
            batch = patiently(lambda: step(self._store, self.done + 1))
            patiently(partial(self._store.commit, batch))
            self.done += 1


@pytest.mark.long
@pytest.mark.timeout(300)
def test_every_batch_has_one_effect_however_often_the_server_is_killed(
    server: LocalPostgres, record_property: Note
) -> None:
    """It dies in the middle of commits, fifty times, and comes back; nothing is lost, and nothing is there twice."""
    store = Database(server.url).store("default")
    writer = Writer(store)
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(writer.run)
        try:
            for _ in range(KILLS):
                seen = writer.done
                eventually(lambda seen=seen: writer.done > seen, WITHIN_SECONDS, "more is committed", 0.001)
                server.kill()
                server.start()
        finally:
            writer.over.set()
        writing.result()
    done, kills = writer.done, server.log.read_text().count("automatic recovery in progress")
    assert kills == KILLS
    assert [event.position for event in store.events(limit=done + 1)] == list(range(1, done + 1))
    assert store.counts("state") == {"seen": done}
    assert store.positions() == {"ORDERS": Position(done, done)}
    store.close()
    record_property("tried", f"killed {kills} times while {done} batches were committed: one effect of each")
