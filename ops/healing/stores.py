"""A lost store made again from the service's own stream: the same events, links, states, timers and calls.

What the stream cannot tell is how far each source had been read. It is taken from the newest cause that the events
name: up to there everything was applied for certain. What was applied after it caused nothing, and is decided again:
decisions go by what is known already, so it causes nothing again. Reading from the start would be wrong, for a message
that was parked then would be parked once more. A decision of which the stream has only the beginning is left to the
service, which finishes it as soon as it starts (`chassis/unfinished.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from chassis.batch import Advance, Batch, NewEvent
from chassis.bus import Bus, BusAway
from chassis.chain import GENESIS, chained
from chassis.declare import Service
from chassis.event_store import UNREADABLE, Store
from chassis.rebuild import all_events, fold, state_hash
from chassis.stores import open_store
from contracts.catalogue import STREAMS
from ops.console import CannotDo, Progress
from ops.copies.files import arriving, owned, take_place, throw_away
from ops.copies.stores import batches_of
from ops.database import database_of, replacing
from ops.healing.bus import bus_of
from ops.healing.reading import Causes, Decisions, Lost, events_of, read_to
from ops.history.replay import declared
from ops.kept import Kept
from ops.stores import kept_in, path_of
from ops.system import System

ROWS = 5_000


async def heal_store(
    system: System, service: str, *, force: bool, table_of: Callable[[str], Service] = declared
) -> dict[str, Any]:
    """Rebuild a store; returns its events, state hash, and where it goes on reading each source.

    Raises `CannotDo` while the service runs, where a store is there and `force` is not given, and where the stream is
    not whole. Then nothing is changed.
    """
    making = _new_file if kept_in(system) is Kept.SQLITE else replacing
    async with (
        database_of(system),
        making(system, service, force=force) as store,
        bus_of(system, f"heal-{service}") as bus,
    ):
        try:
            return await _rebuild(bus, table_of(service), store)
        except (BusAway, Lost) as fault:
            raise CannotDo(str(fault)) from fault


@asynccontextmanager
async def _new_file(system: System, service: str, *, force: bool) -> AsyncIterator[Store]:
    """As `replacing` in a database: a new file, which takes the old one's place unless the block fails."""
    target = path_of(system, service)
    with owned(target):
        if _is_there(service, target) and not force:
            raise CannotDo(
                f"there is a store at {target} already: --force replaces it by what the stream says"
            )
        throw_away(target)  # of an attempt that was cut off
        try:
            with closing(open_store(service, path=arriving(target))) as store:
                yield store
        except BaseException:
            throw_away(target)
            raise
        take_place(target)


def _is_there(service: str, target: Path) -> bool:
    """A store without an event, as a service makes one at its start, is as good as none. A damaged one is there."""
    if not target.exists():
        return False
    try:
        with closing(open_store(service, read_only=True, path=target)) as store:
            return store.last_position() > 0
    except UNREADABLE:
        return target.stat().st_size > 0


async def _rebuild(bus: Bus, table: Service, store: Store) -> dict[str, Any]:
    causes, decisions = Causes(table.name), Decisions()
    await _put_events(bus, table.name, store, causes, decisions)
    rebuilt = fold(table, all_events(store))
    for batch in batches_of(rebuilt.rows()):
        store.commit(batch)
    advances = await _advances(bus, causes)
    store.commit(Batch(advances=advances))
    return {
        "service": table.name,
        "events": rebuilt.events,
        "state_hash": state_hash(rebuilt.rows()),
        "goes_on_after": {advance.source: advance.new for advance in advances},
        "to_be_finished": len(decisions.begun),
    }


async def _put_events(bus: Bus, service: str, store: Store, causes: Causes, decisions: Decisions) -> None:
    before, progress = GENESIS, Progress(f"reading {STREAMS[service]}")
    async for events in _pages(decisions.whole(events_of(bus, service))):
        linked = chained(before, events)
        store.commit(Batch(events=linked))
        before = linked[-1].chain
        for event in linked:
            causes.note(event)
        progress.reached(linked[-1].position)


async def _pages(events: AsyncIterator[NewEvent]) -> AsyncIterator[list[NewEvent]]:
    page: list[NewEvent] = []
    async for event in events:
        page.append(event)
        if len(page) == ROWS:
            yield page
            page = []
    if page:
        yield page


async def _advances(bus: Bus, causes: Causes) -> list[Advance]:
    found = [(stream, await read_to(bus, stream, causes)) for stream in causes.sources]
    return [Advance(stream, None, at.position, at.stream_seq) for stream, at in found if at is not None]


def readable(said: dict[str, Any]) -> str:
    """For people."""
    lines = [f"{said['service']}: {said['events']:,} events, state {said['state_hash']}"]
    lines += [f"  goes on after {stream} {position:,}" for stream, position in said["goes_on_after"].items()]
    if said["to_be_finished"]:
        lines.append(
            f"  the stream ends with the first {said['to_be_finished']} events of a decision, which the service takes"
            " over and finishes when it starts"
        )
    return "\n".join(lines)
