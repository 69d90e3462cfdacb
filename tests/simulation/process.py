"""One service's process: the real reactor, relay and source readers, on a store and a bus in memory.

Where the chassis waits for something, the schedule decides instead: `Process.queue` stands for the engine's
(`chassis/engine.py`), `look_at_timers` for `chassis/timers.py`, `pull` for the loop around `chassis/inbox.py`, and
`publish` for the one in `chassis/relay.py`. What they decide is decided by the chassis's own code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.batch import StoredEvent
from chassis.bus import AWAY
from chassis.clock import Clock, rfc3339
from chassis.declare import Call, Service, kind_of
from chassis.event_store import StalePosition
from chassis.inbox import Source
from chassis.items import Answered, Asked, Due, Incoming, Item
from chassis.reactor import Outcome, Reactor
from chassis.relay import Relay
from chassis.timers import DUE_MAX, SNOOZE
from contracts.catalogue import STREAMS, sources_of
from tests.simulation.bus import MemoryBus, Publisher, finished
from tests.simulation.calls import Calls, Key
from tests.simulation.store import Interrupt, MemoryStore


@dataclass(frozen=True)
class Group:
    """Items handed in together, and who waits for what they cause. `source` and `last` acknowledge messages."""

    items: Sequence[Item]
    done: Callable[[list[Outcome]], None]
    source: str = ""
    last: int = 0


class Rewound:
    """In the place of `chassis/pull.py`: messages are fetched when the schedule says so, so nothing is open."""

    def restart(self) -> None:
        """Nothing to forget."""


async def _never_asked() -> None:
    """Whether the store is still its own: here only its commits tell a process that it was taken over."""


class Process:
    """A service as it runs, until it is killed. Nothing in here survives that."""

    def __init__(
        self,
        service: Service,
        store: MemoryStore,
        bus: MemoryBus,
        clock: Clock,
        interrupt: Interrupt,
        witness: Callable[[Key], None],
    ) -> None:
        self.name = service.name
        self.store, self.bus = store, bus
        self.queue: list[Group] = []
        self.stale = set(sources_of(self.name))
        self.reactor = Reactor(service, store, clock)
        self.relay = Relay(bus, self.name, self._read, lambda: self.reactor.last_position)  # type: ignore[arg-type]
        self.publisher = Publisher(bus.streams[STREAMS[self.name]], interrupt)
        self.relay._publisher = self.publisher  # type: ignore[assignment]
        self.calls = Calls(service.effects, self._call_of, self._hand_in, interrupt, witness)
        self.calls.recover(store.calls())
        self._clock, self._interrupt = clock, interrupt
        self._snoozed: dict[tuple[str, str, str], datetime] = {}
        self._sources = {stream: self._source(stream) for stream in self.stale}

    def _source(self, stream: str) -> Source:
        nobody: Any = None
        source = Source(self.bus, self.name, stream, self.reactor.positions.get, nobody, _never_asked, nobody)  # type: ignore[arg-type]
        source.pull = Rewound()  # type: ignore[assignment]
        return source

    async def _read(self, after: int, limit: int) -> list[StoredEvent]:
        return self.store.events(after, limit)

    def _call_of(self, key: Key) -> Call | None:
        """`Engine.call_of`: what the committed state asks for."""
        state = self.reactor.cache.get(key[0]).state
        return None if state is None else self.reactor.kinds[kind_of(key[0])].calls(state).get(key[1])

    def _hand_in(self, answered: Answered, done: Callable[[Outcome], None]) -> None:
        self.queue.append(Group([answered], lambda outcomes: done(outcomes[0])))

    def ask(self, asked: Asked, done: Callable[[Outcome], None]) -> None:
        """A command comes in."""
        self.queue.append(Group([asked], lambda outcomes: done(outcomes[0])))

    def pullable(self) -> list[str]:
        """Streams whose last messages were dealt with: the inbox takes one batch of each at a time."""
        taken = {group.source for group in self.queue}
        return [stream for stream in sorted(self._sources) if stream not in taken]

    def reconnect(self) -> None:
        """The bus was away: everything is read again from our position, and where our stream ends is looked up."""
        self.stale = set(self._sources)
        self.relay._stream_seq = None

    def pull(self, stream: str, limit: int, lose: int | None = None) -> None:
        """Take what has arrived; with `lose`, the message of that number is lost on the way."""
        source, consumer = self._sources[stream], self.bus.consumers[self.name, stream]
        if stream in self.stale:
            finished(source._reset())
            self.stale.discard(stream)
        fetched = consumer.fetch(limit)
        arrived = [d for number, d in enumerate(fetched) if number != lose]
        if not arrived:
            return
        items = source._open(arrived)
        if items is None:
            self.stale.add(stream)
            return
        last = int(arrived[-1].reply.split(b".")[5])
        if items:
            self.queue.append(Group(items, lambda outcomes: None, stream, last))
        else:
            consumer.acknowledge(last)

    def look_at_timers(self) -> None:
        """What is due goes to the engine; what changed nothing a moment ago is left alone for a while."""
        now = self._clock()
        waiting = {item for group in self.queue for item in group.items if isinstance(item, Due)}
        rows = [
            row
            for row in self.store.due_timers(rfc3339(now), DUE_MAX)
            if Due(*row[:2]) not in waiting and self._snoozed.get(row, now) <= now
        ]
        if rows:
            due = [Due(entity, name) for entity, name, _ in rows]
            self.queue.append(Group(due, lambda outcomes: self._fired(rows, outcomes)))

    def _fired(self, rows: list[tuple[str, str, str]], outcomes: list[Outcome]) -> None:
        for row, outcome in zip(rows, outcomes, strict=True):
            if not outcome.events:
                self._snoozed[row] = self._clock() + SNOOZE

    def decide(self, groups: int, *, ack_lost: bool = False) -> None:
        """One batch of what waits, as `Engine.run` does it. Raises `StalePosition`, or the store's refusal."""
        taken = self.queue[:groups]
        items = [item for group in taken for item in group.items]
        self._require_new(items)
        committed = self.reactor.process(items)
        del self.queue[:groups]
        if committed.batch.events:
            self.relay.committed(committed.batch.events)
        self.calls.committed(committed.batch)
        start = 0
        for group in taken:
            group.done(committed.outcomes[start : start + len(group.items)])
            start += len(group.items)
            if group.source and not ack_lost:
                self.bus.consumers[self.name, group.source].acknowledge(group.last)
        self._interrupt("after_acknowledge")

    def _require_new(self, items: Sequence[Item]) -> None:
        """`Engine._still_new`: a message at or below its position would be applied twice."""
        for item in items:
            known = self.reactor.positions.get(item.message.stream) if isinstance(item, Incoming) else None
            if isinstance(item, Incoming) and known is not None and item.position <= known.position:
                raise StalePosition(f"{item.message.id} was handed in again at position {item.position}")

    def publish(self, *, look: bool = False) -> None:
        """One round of the relay; with `look` it is time to see where the stream ends. Raises `StreamAhead`."""
        try:
            if self.relay._stream_seq is None or look:
                finished(self.relay._resume())
            finished(self.relay._publish_all())
        except AWAY:
            self.relay._stream_seq = None

    @property
    def behind(self) -> int:
        """Events that are not known to be in the stream."""
        return self.relay.behind
