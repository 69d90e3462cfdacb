"""One store written into another, empty one, wherever either is kept: the same events, and all that is beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import batched
from typing import Any

from chassis.batch import Advance, Batch, EntityRow, NewEvent
from chassis.event_store import Store
from chassis.rebuild import live_rows

ROWS = 5_000


def copy_store(still: Store, target: Store) -> None:
    """Write what a snapshot holds. The target goes on as if it were the store itself."""
    after = 0
    while events := still.events(after=after, limit=ROWS):
        target.commit(Batch(events=[NewEvent(*event) for event in events]))
        after = events[-1].position
    for batch in batches_of(live_rows(still)):
        target.commit(batch)
    read_to = still.positions().items()
    target.commit(Batch(advances=[Advance(source, None, *position) for source, position in read_to]))


def batches_of(rows: Iterable[tuple[Any, ...]]) -> Iterator[Batch]:
    """Rows of what is kept beside the log, as `live_rows` and `Rebuilt.rows` give them, in batches."""
    for some in batched(rows, ROWS):
        batch = Batch()
        for kind, *row in some:
            KEEP[kind](batch, row)
        yield batch


def _keep_tag(batch: Batch, row: list[Any]) -> None:
    tag, born, entity = row
    batch.tags_new.append((tag, born, entity))
    if "=" in tag:
        batch.counts[tag] = batch.counts.get(tag, 0) + 1


KEEP = {
    "entity": lambda batch, row: batch.entities.append(EntityRow(*row)),
    "timer": lambda batch, row: batch.timers_due.append(tuple(row)),
    "call": lambda batch, row: batch.calls_due.append(tuple(row)),
    "tag": _keep_tag,
}
"""Which part of a batch a row belongs to."""
