"""The connection is cut at COMMIT and the database is away for longer than a commit waits: was it done, or not?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from chassis import engine as engines
from chassis import postgres_connections
from chassis.batch import Advance, Batch, NewEvent, Position
from chassis.chain import chained
from chassis.clock import wall_clock
from chassis.engine import Engine
from chassis.event_store import InDoubt, StalePosition, Store
from chassis.metrics import Meter
from chassis.postgres_connections import Unreachable
from chassis.reactor import Reactor
from tests.chassis.toys import Accept, toy_orders
from tests.conftest import until
from tests.cut_connections import Cut, Cutter, cutter
from tests.postgres import Database

WITHIN_SECONDS = 10.0


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes none: how often is asked stays the same."""
    monkeypatch.setattr(postgres_connections, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(engines, "STORE_RETRY_SECONDS", (0.01, 0.02))


@pytest.fixture
def proxy(database: Database) -> Iterator[Cutter]:
    with cutter(database.url) as proxy:
        yield proxy


@pytest.fixture
def store(database: Database, proxy: Cutter) -> Iterator[Store]:
    store = database.store(database.new_cell(), url=proxy.url)
    yield store
    store.close()


@pytest.fixture
async def engine(store: Store) -> AsyncIterator[Engine]:
    """That of a service which looks before each batch whether its store is as it left it."""
    engine = Engine(Reactor(toy_orders(), store, wall_clock), store, Meter("orders"))
    running = asyncio.create_task(engine.run(engine.require_untouched))
    yield engine
    running.cancel()
    await asyncio.wait({running})
    engine.close()


def batch_after(store: Store, position: int) -> Batch:
    """One whose effects would show if they came twice."""
    event = NewEvent(position, f"order/{position}", 1, "t", b"{}", b"")
    return Batch(events=chained(store.last_link(), [event]), counts={"state=seen": 1})


@pytest.mark.parametrize("how", Cut)
def test_it_is_found_out_when_the_same_batch_is_committed_again(
    store: Store, proxy: Cutter, how: Cut
) -> None:
    store.commit(batch_after(store, 1))
    batch = batch_after(store, 2)
    proxy.cut_next(how)
    proxy.away = True
    for _ in range(2):
        with pytest.raises(InDoubt):
            store.commit(batch)
    proxy.away = False
    store.commit(batch)
    assert proxy.cuts == 1
    assert [event.position for event in store.events()] == [1, 2]
    assert store.counts("state") == {"seen": 2}


def test_what_was_never_sent_is_not_in_doubt(store: Store, proxy: Cutter) -> None:
    """It may be decided anew, with what is known by then."""
    batch = batch_after(store, 1)
    store.close()
    proxy.away = True
    with pytest.raises(Unreachable):
        store.commit(batch)


@pytest.mark.parametrize("how", Cut)
async def test_a_service_goes_on_with_what_it_had_decided(
    store: Store, engine: Engine, proxy: Cutter, how: Cut
) -> None:
    """Its own batch, which it finds in the store, is not another process's: it does not end by it."""
    proxy.cut_next(how)
    proxy.away = True
    asked = asyncio.create_task(engine.command(Accept("toy:a"), "command/a"))
    await until(lambda: not engine.writable, WITHIN_SECONDS)
    proxy.away = False
    async with asyncio.timeout(WITHIN_SECONDS):
        outcome = await asked
        await engine.command(Accept("toy:b"), "command/b")
    assert [event.order_id for event in outcome.events] == ["toy:a"]  # type: ignore[attr-defined]
    assert [event.entity for event in store.events()] == ["order/toy:a", "order/toy:b"]
    assert (proxy.cuts, store.counts("state"), engine.writable) == (1, {"seen": 2}, True)


async def test_a_service_ends_all_the_same_when_another_one_wrote(
    database: Database, store: Store, engine: Engine, proxy: Cutter
) -> None:
    """What is there is neither as it was before the batch in doubt, nor as it would be after it."""
    other = database.store(store.schema.split("_", 1)[1].rsplit("_", 1)[0])  # type: ignore[attr-defined]
    proxy.cut_next(Cut.UNSENT)
    proxy.away = True
    asked = asyncio.create_task(engine.command(Accept("toy:a"), "command/a"))
    await until(lambda: not engine.writable, WITHIN_SECONDS)
    other.commit(Batch(advances=[Advance("ORDERS", None, 1, 1)]))
    proxy.away = False
    with pytest.raises(StalePosition):
        async with asyncio.timeout(WITHIN_SECONDS):
            await asked
    assert (store.last_position(), store.positions()) == (0, {"ORDERS": Position(1, 1)})
    other.close()
