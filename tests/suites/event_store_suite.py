"""How every event store has to behave, whatever keeps it.

A test module subclasses `EventStoreSuite` and offers the fixture `place`: where a store is, opened as often as asked,
each time as another process would.
"""

from __future__ import annotations

import random
from typing import Any, Protocol

import pytest

from chassis.batch import Advance, Batch, EntityRow, NewEvent, Position, StoredEvent
from chassis.chain import GENESIS, chained
from chassis.event_store import StalePosition, Store
from chassis.rebuild import live_rows


class Place(Protocol):
    """Where a store is."""

    def open(self) -> Store:
        """The store there: the same one every time, as another process sees it."""

    def execute(self, statement: str) -> None:
        """Run a statement directly on the database, past the store, with all rights its owner has."""

    refusals: tuple[type[Exception], ...]
    """What the database raises when it refuses one."""


@pytest.fixture
def store(place: Place) -> Any:
    store = place.open()
    yield store
    store.close()


def event(
    position: int, entity: str = "", version: int = 1, kind: str = "t", data: bytes = b"{}"
) -> NewEvent:
    return NewEvent(position, entity or f"order/{position:03d}", version, kind, data, b"ce-time: x\r\n")


def events(first: int, last: int) -> list[NewEvent]:
    return [event(position) for position in range(first, last + 1)]


def followed() -> Batch:
    """A batch with something in every part."""
    return Batch(
        events=events(1, 3),
        advances=[Advance("ORDERS", None, 10, 12), Advance("CHANNELS", None, 4, 4)],
        entities=[EntityRow("order/002", 1, 2, b"two"), EntityRow("order/001", 1, 1, b"one")],
        timers_due=[("order/002", "expiry", "2026-02-02"), ("order/001", "expiry", "2026-03-03")],
        calls_due=[("order/002", "b", "tell"), ("order/002", "a", "ask"), ("order/001", "c", "tell")],
        tags_new=[
            ("state=held", 2, "order/002"),
            ("state=held", 1, "order/001"),
            ("hold=late", 1, "order/001"),
        ],
        counts={"state=held": 2, "hold=late": 1},
    )


class TheLog:
    """Events: appended in order, never changed, read back as they were."""

    def test_an_empty_store_knows_nothing(self, store: Store) -> None:
        """And says so in the shapes that a full one uses."""
        assert (store.last_position(), store.last_link(), store.positions()) == (0, GENESIS, {})
        assert (store.events(), store.recent([], 5), store.calls(), store.next_due()) == ([], [], [], None)
        assert (store.load(["order/a"]), store.counts("state"), store.tagged("state=held", 5)) == ({}, {}, [])

    def test_events_come_back_in_order_and_contiguous_whatever_the_batches_were(self, store: Store) -> None:
        linked = chained(GENESIS, events(1, 25))
        for start, end in ((0, 1), (1, 9), (9, 25)):
            store.commit(Batch(events=linked[start:end]))
        assert store.events() == [StoredEvent(*new) for new in linked]
        assert (store.last_position(), store.last_link()) == (25, linked[-1].chain)

    def test_pages_end_where_the_next_begins(self, store: Store) -> None:
        store.commit(Batch(events=events(1, 10)))
        pages = [[found.position for found in store.events(after, 4)] for after in (0, 4, 8, 10)]
        assert pages == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]

    def test_one_entitys_events_come_alone_in_the_order_of_their_versions(self, store: Store) -> None:
        store.commit(Batch(events=[event(1, "order/a"), event(2, "order/b"), event(3, "order/a", 2)]))
        assert [(e.position, e.version) for e in store.events(entity="order/a")] == [(1, 1), (3, 2)]
        assert [e.position for e in store.events(after=1, entity="order/a")] == [3]
        assert [e.position for e in store.events(entity="order/a", limit=1)] == [1]

    def test_bytes_and_texts_come_back_exactly(self, store: Store) -> None:
        """The stored bytes are what is published, and what the chain is computed over."""
        data = bytes(range(256)) * 9 + random.Random(7).randbytes(100_000)
        odd = NewEvent(1, "sku/Größe 4½ 𝔘 '\"\\%s", 1, "t", data, "traceparent: ä\r\n".encode(), bytes(32))
        empty = NewEvent(2, "sku/ ", 1, "t", b"", b"", b"\xff" * 32)
        store.commit(Batch(events=[odd, empty], entities=[EntityRow(odd.entity, 1, 1, data)]))
        assert store.events() == [StoredEvent(*odd), StoredEvent(*empty)]
        assert store.load([odd.entity]) == {odd.entity: EntityRow(odd.entity, 1, 1, data)}

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE stored_events SET topic='x'", "DELETE FROM stored_events"],
        ids=["update", "delete"],
    )
    def test_events_can_be_neither_changed_nor_deleted(
        self, place: Place, store: Store, statement: str
    ) -> None:
        """Enforced by the database itself, whoever asks."""
        store.commit(Batch(events=events(1, 2)))
        with pytest.raises(place.refusals, match="append-only"):
            place.execute(statement)
        assert store.events() == [StoredEvent(*new) for new in events(1, 2)]


class OneWriter:
    """Whoever is late is refused, and leaves nothing behind."""

    @pytest.mark.parametrize(
        "late",
        [
            Batch(events=[event(3, "order/new")]),
            Batch(events=[event(4, "order/001", 1)]),
            Batch(events=[event(4)], advances=[Advance("ORDERS", 9, 20, 20)]),
            Batch(events=[event(4)], advances=[Advance("ORDERS", None, 20, 20)]),
            Batch(events=[event(4)], advances=[Advance("BILLING", 1, 2, 2)]),
        ],
        ids=["taken position", "taken version", "moved source", "known source", "unknown source"],
    )
    def test_a_late_writer_is_refused_and_nothing_of_its_batch_goes_in(
        self, place: Place, late: Batch
    ) -> None:
        """Positions are given by the single writer: two of them collide at the first transaction."""
        first, second = place.open(), place.open()
        first.commit(followed())
        late.entities = [EntityRow("order/002", 9, 2, b"late")]
        late.counts = {"state=held": 5}
        with pytest.raises(StalePosition):
            second.commit(late)
        assert [found.position for found in second.events()] == [1, 2, 3]
        assert second.positions() == {"ORDERS": Position(10, 12), "CHANNELS": Position(4, 4)}
        assert second.load(["order/002"])["order/002"].state == b"two"
        assert second.counts("state") == {"held": 2}
        first.close()
        second.close()

    def test_a_source_moves_from_where_it_was_seen(self, store: Store) -> None:
        """Compare and set."""
        store.commit(Batch(advances=[Advance("ORDERS", None, 10, 10)]))
        store.commit(Batch(advances=[Advance("ORDERS", 10, 30, 31)]))
        assert store.positions() == {"ORDERS": Position(30, 31)}

    def test_the_refused_store_can_still_be_read_and_written(self, store: Store) -> None:
        """One refused batch leaves no half-open transaction."""
        store.commit(Batch(events=events(1, 1)))
        with pytest.raises(StalePosition):
            store.commit(Batch(events=events(1, 1)))
        store.commit(Batch(events=events(2, 2)))
        assert store.last_position() == 2


class WhatFollows:
    """Entities, timers, calls and tags: in the same transaction, each in its order."""

    def test_the_newest_state_of_each_entity_is_kept_with_its_birth(self, store: Store) -> None:
        store.commit(followed())
        store.commit(
            Batch(events=[event(4, "order/001", 2)], entities=[EntityRow("order/001", 2, 99, b"new")])
        )
        assert store.load(["order/001", "order/none"]) == {"order/001": EntityRow("order/001", 2, 1, b"new")}

    def test_many_entities_are_loaded_at_once(self, store: Store) -> None:
        rows = [EntityRow(f"order/{n:05d}", 1, n, b"s") for n in range(1, 1501)]
        store.commit(Batch(entities=rows))
        assert store.load([row.entity for row in rows]) == {row.entity: row for row in rows}

    def test_timers_come_due_earliest_first(self, store: Store) -> None:
        store.commit(followed())
        both = [("order/002", "expiry", "2026-02-02"), ("order/001", "expiry", "2026-03-03")]
        assert store.due_timers("2026-03-03", 9) == both
        assert store.due_timers("2026-03-02", 9) == store.due_timers("2027", 1) == both[:1]
        assert (store.next_due(), store.count_of("timers")) == ("2026-02-02", 2)

    def test_a_timer_can_be_moved_and_removed(self, store: Store) -> None:
        store.commit(followed())
        moved = ("order/001", "expiry", "2026-01-01")
        store.commit(Batch(timers_gone=[("order/002", "expiry")], timers_due=[moved], entities=[ROW]))
        assert store.due_timers("2027", 9) == [moved]

    def test_calls_come_by_entity_and_key_until_they_are_answered(self, store: Store) -> None:
        store.commit(followed())
        assert store.calls() == [
            ("order/001", "c", "tell"),
            ("order/002", "a", "ask"),
            ("order/002", "b", "tell"),
        ]
        assert store.calls(2) == store.calls()[:2]
        store.commit(
            Batch(calls_gone=[("order/002", "a")], calls_due=[("order/002", "b", "ask")], entities=[ROW])
        )
        assert store.calls() == [("order/001", "c", "tell"), ("order/002", "b", "ask")]
        assert store.count_of("calls") == 2

    def test_tagged_entities_come_oldest_first_a_page_at_a_time(self, store: Store) -> None:
        store.commit(followed())
        assert store.tagged("state=held", 9) == ["order/001", "order/002"]
        assert store.tagged("state=held", 1) == ["order/001"]
        assert store.tagged("state=held", 9, after="order/001") == ["order/002"]
        assert store.tagged("state=held", 9, after="order/002") == []

    def test_tags_are_counted_by_their_values_until_nobody_carries_them(self, store: Store) -> None:
        store.commit(followed())
        store.commit(
            Batch(
                tags_gone=[("hold=late", 1, "order/001"), ("state=held", 1, "order/001")],
                tags_new=[("state=done", 1, "order/001"), ("state=done", 1, "order/001")],
                counts={"hold=late": -1, "state=held": -1, "state=done": 1},
                entities=[ROW],
            )
        )
        assert (store.counts("state"), store.counts("hold")) == ({"held": 1, "done": 1}, {})
        assert store.tagged("state=held", 9) == ["order/002"]

    def test_texts_are_ordered_by_their_bytes_wherever_the_store_is(self, store: Store) -> None:
        """A rebuild sorts in Python, and must come to the same rows in the same order."""
        names = ["a", "B", "ä", "Z", "_", "a b", "a-b", "é", "𝔘", "～"]
        rows = [EntityRow(f"sku/{name}", 1, n, b"") for n, name in enumerate(names, 1)]
        store.commit(Batch(entities=rows, timers_due=[(row.entity, "t", "2026") for row in rows]))
        with store.snapshot() as still:
            assert [row.entity for row in still.entities()] == sorted(row.entity for row in rows)
            assert list(still.timers()) == sorted((row.entity, "t", "2026") for row in rows)


ROW = EntityRow("order/001", 1, 1, b"one")


class Looking:
    """Reading the whole, and reading what is new."""

    def test_a_snapshot_stands_still_while_others_write(self, store: Store) -> None:
        """Everything in it is of one moment."""
        store.commit(followed())
        with store.snapshot() as still:
            store.commit(
                Batch(
                    events=events(4, 9),
                    advances=[Advance("ORDERS", 10, 20, 20)],
                    entities=[EntityRow("order/004", 1, 4, b"four")],
                    timers_gone=[("order/001", "expiry")],
                )
            )
            assert (still.last_position(), still.positions()["ORDERS"].position) == (3, 10)
            assert [row.entity for row in still.entities()] == ["order/001", "order/002"]
            assert (len(list(still.timers())), still.count_of("timers"), len(still.events())) == (2, 2, 3)
        assert (store.last_position(), store.count_of("timers")) == (9, 1)

    def test_every_row_of_a_snapshot_comes_in_the_order_a_rebuild_gives_it(self, store: Store) -> None:
        store.commit(followed())
        with store.snapshot() as still:
            rows = list(live_rows(still))
        by_kind = [
            sorted(row for row in rows if row[0] == kind) for kind in ("entity", "timer", "call", "tag")
        ]
        assert rows == [row for group in by_kind for row in group]
        assert [len(group) for group in by_kind] == [2, 2, 3, 3]

    def test_more_rows_than_are_fetched_at_once(self, store: Store) -> None:
        rows = [EntityRow(f"order/{n:05d}", 1, n, b"s") for n in range(1, 4_502)]
        store.commit(Batch(entities=rows))
        with store.snapshot() as still:
            assert list(still.entities()) == rows

    def test_what_stands_still_cannot_be_scanned_from_what_moves(self, store: Store) -> None:
        with pytest.raises(RuntimeError, match="snapshot"):
            next(iter(store.timers()))

    def test_the_newest_of_a_type_are_found_behind_many_others(self, store: Store) -> None:
        """A page that ends early would say that there is no more."""
        store.commit(Batch(events=[event(n, kind="common" if n % 10 else "rare") for n in range(1, 31)]))

        def found(kinds: list[str], limit: int, **more: int) -> list[int]:
            return [e.position for e in store.recent(kinds, limit, **more)]

        assert (found(["rare"], 2), found(["rare"], 9)) == ([30, 20], [30, 20, 10])
        assert found(["rare"], 9, before=20) == [10]
        assert found(["rare"], 2, before=1) == []
        assert found(["rare"], 9, back=11) == [30, 20]
        assert found([], 3) == found(["common", "rare"], 3) == [30, 29, 28]


class EventStoreSuite(TheLog, OneWriter, WhatFollows, Looking):
    """All of it."""
