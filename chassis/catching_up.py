"""A store that was set back catches up with its own stream, before its service begins.

A backup that was put back ends earlier than what was published since. Where its last event stands in the stream as it
is here, the stream goes on where the store ends: what follows is taken over byte for byte, with the states, timers and
calls that follow from it. Nothing is decided, called or published. How far each source had been read is taken from the
newest cause that the events name: up to there everything was applied; what caused nothing is decided again, to nothing.
A decision of which only the beginning was published is finished (`unfinished.py`).

Where another event stands in that place the history has diverged: the service stops before it decides anything. An
empty store is not filled where the stream has events: whether it is the right one that is empty is for a person to say
(`doorstep heal --store`), and nothing is decided meanwhile.
Where the bus cannot be asked the service begins nevertheless; its relay looks again, and stops it then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import batched, chain

from chassis.batch import Advance, NewEvent, Position, StoredEvent
from chassis.bus import AWAY, Bus
from chassis.causes import cause_of, place_in_channels, story_of
from chassis.chain import chained
from chassis.declare import Service
from chassis.decoding import UnreadableEvent
from chassis.event_store import Store
from chassis.items import RAW_STREAM
from chassis.logs import logger
from chassis.parking import with_parking
from chassis.preparation import Prepare
from chassis.relay import FOREIGN_MAX, StreamAhead, never_wrote
from chassis.state_cache import StateCache
from chassis.stream_copy import is_copy, is_from, stored
from chassis.unfinished import Places, finish, parted
from chassis.work import Work
from contracts.catalogue import STREAMS, UnknownEvent, sources_of

EVENTS_MAX = 200_000
"""Further back than so many events a store is healed, which reads a stream quicker than one by one."""
PAGE = 500
NOBODY_ASKS = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a decision; here none is made."""


class CannotTell(Exception):
    """What the streams hold is not enough to go by; says what is missing."""


async def catch_up(service: Service, store: Store, bus: Bus, prepare: Prepare | None = None) -> int:
    """Take over what the service's own stream has behind the store's last event; returns how many events that were.

    The store must be ours alone. Raises `StreamAhead` for another history, and where it cannot be told how far the
    sources had been read; `KeysAway`; and what the store's `commit` does.
    """
    try:
        beyond = await _beyond(bus, service.name, store)
        places = await _places(bus, service.name, store, beyond) if beyond else {}
        whole, begun = parted(beyond)
        _take_over(service, store, whole, places)
        if begun and not await finish(service, store, bus, begun, places, prepare):
            logger().error(
                "decision_cut_off",
                correlation=story_of(begun[0]),
                cause=cause_of(begun[0]),
                known=[event.type for event in begun],
            )
            _take_over(service, store, begun, places)
    except AWAY as away:
        logger().warning("not_caught_up", position=store.last_position(), detail=repr(away))
        return 0
    except (CannotTell, UnknownEvent, UnreadableEvent) as reason:
        raise StreamAhead(
            f"{STREAMS[service.name]} goes on after position {store.last_position()}, where this store ends, and it"
            f" cannot catch up ({reason}): restore the newer store, or heal it from the stream"
        ) from reason
    if beyond:
        logger().warning("caught_up_with_own_stream", events=len(beyond), position=store.last_position())
    return len(beyond)


async def _beyond(bus: Bus, service: str, store: Store) -> list[NewEvent]:
    """The events that follow in the stream; none where the store's last one does not stand there as it is here."""
    newest = store.events(after=store.last_position() - 1, limit=1)
    if not newest:
        await _require_unwritten(bus, service)
    seq = await _place(bus, service, newest[0]) if newest else None
    found: list[NewEvent] = []
    while seq is not None and (message := await bus.message(STREAMS[service], seq + 1)):
        seq += 1
        if not is_from(service, message):
            continue
        event = stored(message)
        if event.position != newest[0].position + len(found) + 1:
            raise CannotTell(f"{message.id} has position {event.position}: {STREAMS[service]} has a gap")
        found.append(event)
        if len(found) > EVENTS_MAX:
            raise CannotTell(
                f"more than {EVENTS_MAX} events behind: `doorstep heal {service} --store --force`"
            )
    return found


async def _require_unwritten(bus: Bus, service: str) -> None:
    """Raises `StreamAhead` where the stream has an event of this service."""
    _, first, last = await bus.stream_info(STREAMS[service])
    for seq in range(first, min(last, first + FOREIGN_MAX) + 1):
        message = await bus.message(STREAMS[service], seq)
        if message is not None and is_from(service, message):
            raise StreamAhead(
                f"{STREAMS[service]} has events, and this store has none: it was lost. Rebuild it with"
                f" `doorstep heal {service} --store`, or restore it from a backup"
            )


async def _place(bus: Bus, service: str, event: StoredEvent) -> int | None:
    """Where an event stands in the stream: behind as many messages as others may have put there, never before.

    None where it does not; raises `StreamAhead` where another one stands in its place.
    """
    for seq in range(event.position, event.position + FOREIGN_MAX + 1):
        message = await bus.message(STREAMS[service], seq)
        if message is None:
            return None
        if is_from(service, message) and message.headers.get("ce-sequence") == str(event.position):
            if is_copy(service, message, event):
                return seq
            raise StreamAhead(never_wrote(message))
    return None


async def _places(bus: Bus, service: str, store: Store, events: Sequence[NewEvent]) -> Places:
    """Where the causes of these events stand, of those that stand in a source."""
    causes, read_to = {cause_of(event) for event in events}, store.positions()
    producers = {stream: producer for producer, stream in STREAMS.items()}
    found: dict[str, tuple[str, Position]] = {}
    for stream in sources_of(service):
        if stream == RAW_STREAM:
            raw = {cause: seq for cause in causes if (seq := place_in_channels(cause)) is not None}
            found |= {cause: (stream, Position(seq, seq)) for cause, seq in raw.items()}
            continue
        found |= await _find(bus, stream, producers[stream], causes, read_to.get(stream))
    return found


async def _find(bus: Bus, stream: str, producer: str, causes: set[str], known: Position | None) -> Places:
    """Most stand behind what the store says was read; one whose message was parked for long stands before it."""
    wanted = {cause for cause in causes if cause.startswith(f"{producer}/")}
    found: dict[str, tuple[str, Position]] = {}
    begin = await _begin(bus, stream, known)
    _, _, end = await bus.stream_info(stream)
    for seq in chain(range(begin, end + 1), range(1, begin)):
        if len(found) == len(wanted):
            break
        message = await bus.message(stream, seq)
        if message is None or not is_from(producer, message):
            continue
        if (cause := message.headers["ce-id"]) in wanted:
            found[cause] = stream, Position(int(message.headers["ce-sequence"]), seq)
    if missing := wanted - found.keys():
        raise CannotTell(f"{stream} lacks {min(missing)}, which caused something here")
    return found


async def _begin(bus: Bus, stream: str, known: Position | None) -> int:
    if known is None:
        return 1
    message = await bus.message(stream, known.stream_seq)
    is_there = message is not None and message.headers.get("ce-sequence") == str(known.position)
    return known.stream_seq + 1 if is_there else 1


def _take_over(service: Service, store: Store, events: Sequence[NewEvent], places: Places) -> None:
    """Commit them, a page at a time: after each the store is one that was set back less far."""
    table = with_parking(service)
    kinds = {kind.name: kind for kind in table.kinds}
    cache, read_to = StateCache(store, kinds), store.positions()
    for page in batched(events, PAGE):
        work = Work(table, kinds, cache, NOBODY_ASKS, store.last_position())
        for event in page:
            work.adopt(event)
        batch = work.settle()
        batch.events = chained(store.last_link(), batch.events)
        batch.advances = list(_advances(page, places, read_to))
        store.commit(batch)
        work.keep()


def _advances(page: Sequence[NewEvent], places: Places, read_to: dict[str, Position]) -> Iterator[Advance]:
    """To the newest cause in each source, where that is further than it was read."""
    newest: dict[str, Position] = {}
    for stream, at in (places[cause] for event in page if (cause := cause_of(event)) in places):
        newest[stream] = max(newest.get(stream, at), at)
    for stream, at in newest.items():
        known = read_to.get(stream)
        if known is None or at.position > known.position:
            yield Advance(stream, known.position if known else None, at.position, at.stream_seq)
            read_to[stream] = at
