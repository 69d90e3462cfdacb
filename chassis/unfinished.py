"""A decision of which a stream has only the beginning is finished: decided again, from the message that caused it.

The few events of a decision are published one after the other. Where the bus ends between two of them and the store is
lost before the rest is published, nobody has the rest. Every event but the last says that it goes on, so that such an
end is seen; what the stream has of it is known to others and stays as it is.

The message is decided again as it was then: on the states before it, at the time that its first event names. If that
begins with the same events, what follows them is what was lost. Nobody has seen it; what it asked of the outside is
asked under the same references. What a command, a timer or an answer from outside has caused cannot be decided again:
then the beginning stands alone, and the log says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from chassis.batch import NewEvent, Position
from chassis.bus import Bus
from chassis.causes import cause_of, goes_on
from chassis.chain import chained
from chassis.clock import from_rfc3339, rfc3339
from chassis.declare import Service
from chassis.event_store import Store
from chassis.ids import span_id
from chassis.items import RAW_STREAM, Incoming
from chassis.preparation import Prepare
from chassis.reactor import Reactor
from chassis.work import Work

type Places = Mapping[str, tuple[str, Position]]
"""Cause -> source stream, and where in it the cause stands."""


def parted(events: Sequence[NewEvent]) -> tuple[Sequence[NewEvent], Sequence[NewEvent]]:
    """Events up to the end of the last whole decision, and the beginning of one that stands behind it."""
    end = next((n for n in range(len(events), 0, -1) if not goes_on(events[n - 1])), 0)
    return events[:end], events[end:]


async def finish(
    service: Service,
    store: Store,
    bus: Bus,
    begun: Sequence[NewEvent],
    places: Places,
    prepare: Prepare | None,
) -> bool:
    """Put a decision that has begun into the store, with what has to follow; False, and nothing changed, where that
    cannot be told. Raises `KeysAway`.
    """
    item = await _what_caused(service.name, bus, begun[0], places)
    if item is None:
        return False
    if prepare is not None and item.message.stream == RAW_STREAM:
        await prepare([item.message])
    return Again(service, store, lambda: _time_of(begun[0])).finish(item, begun)


async def _what_caused(service: str, bus: Bus, event: NewEvent, places: Places) -> Incoming | None:
    """The message, if it was one, and came by itself rather than by a person who had it tried again."""
    cause = cause_of(event)
    if cause not in places or span_id(service, Incoming.__name__, cause).encode() not in event.headers:
        return None
    stream, at = places[cause]
    message = await bus.message(stream, at.stream_seq)
    return Incoming(message, at.position) if message is not None else None


def _time_of(event: NewEvent) -> datetime:
    return from_rfc3339(event.headers.partition(b"ce-time: ")[2].partition(b"\r\n")[0].decode())


class Again(Reactor):
    """Decides a message as it was decided once."""

    def finish(self, item: Incoming, begun: Sequence[NewEvent]) -> bool:
        """Commit the beginning as it is and the new decision's rest, unless it begins otherwise."""
        decided = self._decided(item)
        rest = decided[len(begun) :]
        if not rest or any(map(_differ, begun, decided)):
            return False
        whole = self._work()
        for event in (*begun, *rest):
            whole.adopt(event)
        batch = whole.settle()
        batch.events = chained(self._chain, batch.events)
        batch.advances = self._advances([item])
        self._store.commit(batch)
        return True

    def _decided(self, item: Incoming) -> list[NewEvent]:
        work, event = self._work(), self._open(item)
        work.prefetch(self._needs(work, [item], [event]))
        self._take_in(work, item, event, rfc3339(work.now))
        return [stored for stored, _ in work.events]

    def _work(self) -> Work:
        return Work(self.service, self.kinds, self.cache, self._clock(), self.last_position)


def _differ(one: NewEvent, other: NewEvent) -> bool:
    """What is in them may differ: a seal is never the same twice."""
    return one[:4] != other[:4]
