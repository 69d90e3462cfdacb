"""A service's state as of a past time, rebuilt into a folder of its own: to look at, never to run from.

The folder is a data folder: `doorstep timeline sku:LAMP --data DIR` and sqlite read the store in it. Events are copied
byte for byte with their links; what follows from them is folded by the service's own rules. Nothing is called or
published: a fold has nothing to call with. Where sources were read to is not part of a log, so it is not in the copy.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import batched
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from chassis.batch import Batch, EntityRow, NewEvent, StoredEvent
from chassis.clock import from_rfc3339, rfc3339
from chassis.event_store import Store
from chassis.rebuild import CHUNK, Rebuilt, all_events, fold, live_rows, state_hash
from chassis.sqlite_store import SQLiteStore
from ops.console import CannotDo, Progress
from ops.history.replay import declared
from ops.stores import open_stores
from ops.system import System

NOTE = "replayed.json"
"""Says in the folder itself what it is."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was rebuilt, and where. `position` is that of the last event; `effects_run` and `published` are 0."""

    service: str
    until: str
    store: str
    events: int
    position: int
    last_event: str
    entities: int
    timers: int
    calls: int
    tags: int
    state_hash: str
    seconds: float
    effects_run: int = 0
    published: int = 0

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        return asdict(self)

    def readable(self) -> str:
        """For people."""
        return (
            f"{self.service} as of {self.until}: {self.events:,} events (the last at {self.last_event}), "
            f"{self.entities:,} entities, {self.timers:,} timers, {self.calls:,} calls, {self.tags:,} tags\n"
            f"  state {self.state_hash}\n  store {self.store}\n"
            f"  {self.effects_run} effects run, {self.published} events published"
        )


def replay_until(system: System, service: str, until: datetime, into: Path) -> Past:
    """Rebuild one service as of `until` into the new folder `into`.

    Raises `CannotDo` for a folder that exists, and for a time before the service's first event. The folder appears
    when it is complete, or not at all.
    """
    if into.exists():
        raise CannotDo(f"{into} is there already; name a folder that is not, nothing is overwritten")
    source = open_stores(system, (service,))[service]
    into.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{into.name}-", dir=into.parent))
    try:
        past = _rebuild(source, service, until, draft, into)
        (draft / NOTE).write_text(json.dumps(past.as_json(), indent=2) + "\n")
        draft.rename(into)
    except BaseException:
        shutil.rmtree(draft)
        raise
    return past


def _rebuild(source: Store, service: str, until: datetime, draft: Path, into: Path) -> Past:
    started, file = time.monotonic(), f"stores/{service}.sqlite"
    (draft / file).parent.mkdir()
    with closing(SQLiteStore(draft / file)) as target:
        with source.snapshot() as still:
            rebuilt = fold(declared(service), _copied(_until(all_events(still), until), still, target))
        counts = _write(rebuilt, target)
        (last,) = target.recent((), 1)
        digest = state_hash(rebuilt.rows())
        with target.snapshot() as written:
            assert state_hash(live_rows(written)) == digest, "what was written is not what was folded"
    return Past(
        service=service,
        until=rfc3339(until),
        store=str(into / file),
        events=rebuilt.events,
        position=last.position,
        last_event=last.headers["ce-time"],
        **counts,
        state_hash=digest,
        seconds=round(time.monotonic() - started, 3),
    )


def _until(events: Iterable[StoredEvent], until: datetime) -> Iterator[StoredEvent]:
    """The events before the first that was recorded later. Raises `CannotDo` if that is the very first."""
    for event in events:
        recorded = from_rfc3339(event.headers["ce-time"])
        if recorded > until:
            if event.position == 1:
                raise CannotDo(f"nothing had happened by then; the first event is of {recorded.isoformat()}")
            return
        yield event


def _copied(events: Iterable[StoredEvent], source: Store, target: Store) -> Iterator[StoredEvent]:
    """The same events, each chunk stored before it is passed on."""
    progress = Progress("replaying", source.last_position())
    for chunk in batched(events, CHUNK):
        target.commit(Batch(events=[NewEvent(*event) for event in chunk]))
        progress.reached(chunk[-1].position)
        yield from chunk


def _write(rebuilt: Rebuilt, target: Store) -> dict[str, int]:
    """Store what follows from the events; returns how many rows of each kind there are."""
    counts = {"entities": 0, "timers": 0, "calls": 0, "tags": 0}
    for rows in batched(rebuilt.rows(), CHUNK):
        target.commit(_batch_of(rows, counts))
    if not rebuilt.events:
        raise CannotDo(f"{rebuilt.service.name} has no events")
    return counts


def _batch_of(rows: Sequence[tuple[Any, ...]], counts: dict[str, int]) -> Batch:
    batch = Batch()
    for table, *values in rows:
        match table:
            case "entity":
                batch.entities.append(EntityRow(*values))
                counts["entities"] += 1
            case "timer":
                batch.timers_due.append((values[0], values[1], values[2]))
                counts["timers"] += 1
            case "call":
                batch.calls_due.append((values[0], values[1], values[2]))
                counts["calls"] += 1
            case _:
                batch.tags_new.append((values[0], values[1], values[2]))
                counts["tags"] += 1
                if "=" in values[0]:
                    batch.counts[values[0]] = batch.counts.get(values[0], 0) + 1
    return batch
