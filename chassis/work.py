"""The unit of work: the states a batch looks at and changes, and what that means for the store.

Events are applied to states held here; nothing is visible outside until the batch is committed. An item that fails
half-way is undone alone, and the others of the batch go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chassis.batch import Batch, EntityRow, NewEvent
from chassis.causes import GOES_ON
from chassis.clock import rfc3339
from chassis.declare import Kind, Service, _no_map, _nothing, kind_of
from chassis.decoding import decode
from chassis.ids import event_id
from chassis.state_cache import Held, StateCache, Story
from contracts.event import Event

_encode = msgspec.json.Encoder().encode


class Cause:
    """Why something is decided: ids that every resulting event carries. `parent` is the span of the step before."""

    __slots__ = ("block", "causation", "correlation", "parent", "span", "story", "trace")

    def __init__(self, correlation: str, causation: str, trace: tuple[str, str], span: str, now: str) -> None:
        self.correlation = correlation
        self.causation = causation
        self.trace, self.parent = trace
        self.span = span
        traceparent = f"00-{self.trace}-{span}-01"
        self.story = Story(correlation, traceparent)
        self.block = (
            f"ce-time: {now}\r\nce-correlationid: {correlation}\r\nce-causationid: {causation}\r\n"
            f"traceparent: {traceparent}\r\n"
        ).encode()


class Work:
    """The `World` that a batch's decisions see, and the batch that comes out of it."""

    def __init__(
        self, service: Service, kinds: Mapping[str, Kind], cache: StateCache, now: datetime, position: int
    ) -> None:
        self.now = now
        self.policies = service.policies
        self.events: list[tuple[NewEvent, Event]] = []
        self._service = service
        self._places = service.places
        self._kinds = kinds
        self._cache = cache
        self._position = position
        self._touched: dict[str, Held] = {}
        self._before: dict[str, Held] = {}
        self._undo: list[tuple[str, Held | None]] = []

    def prefetch(self, entities: Iterable[str]) -> None:
        """Load in one read what decisions are about to ask for."""
        self._cache.fetch(entities)

    def state(self, entity: str) -> Any | None:
        """The newest state, with what this batch changed."""
        held = self._touched.get(entity)
        return held.state if held is not None else self._cache.get(entity).state

    def tagged(self, tag: str, limit: int = 100) -> tuple[str, ...]:
        """Entities with the tag, oldest first, with what this batch changed."""
        stored = self._cache.tagged(tag, limit + len(self._touched))
        found = [e for e in stored if e not in self._touched]
        changed = sorted(
            (held.born, e)
            for e, held in self._touched.items()
            if held.state is not None and tag in self._kinds[kind_of(e)].tags(held.state)
        )
        return (*found, *(e for _, e in changed))[:limit]

    def apply(self, events: Iterable[Event], cause: Cause) -> list[Event]:
        """Take events in: change the states they touch. If one does not fit, none of them is taken, and it raises."""
        applied: list[Event] = []
        mark = len(self.events)
        self._undo.clear()
        try:
            for event in events:
                self._take(event, cause)
                applied.append(event)
        except Exception:
            del self.events[mark:]
            for entity, held in reversed(self._undo):
                if held is None:
                    self._touched.pop(entity, None)  # the one whose change failed was not touched yet
                else:
                    self._touched[entity] = held
            raise
        self._join(mark)
        return applied

    def _join(self, first: int) -> None:
        """Each event of a decision says that the next one is of it too."""
        for place in range(first, len(self.events) - 1):
            stored, event = self.events[place]
            self.events[place] = NewEvent(*stored[:5], stored.headers + GOES_ON), event

    def _take(self, event: Event, cause: Cause) -> None:
        position = self._position + len(self.events) + 1
        home, *others = self._places[type(event)](event)
        version = self._change(home, event, position, 1, cause.story)
        for entity in others:
            self._change(entity, event, position, 0, cause.story)
        stored = NewEvent(position, home, version, type(event).TYPE, event.to_bytes(), cause.block)
        self.events.append((stored, event))

    def adopt(self, stored: NewEvent) -> None:
        """Take in an event of ours as it was stored once: states change, nothing is decided. Raises `UnknownEvent`
        and `UnreadableEvent`.
        """
        event = decode(stored.type, stored.data)
        home, *others = self._places[type(event)](event)
        self._change(home, event, stored.position, 1, None)
        for entity in others:
            self._change(entity, event, stored.position, 0, None)
        self.events.append((stored, event))

    def _change(self, entity: str, event: Event, position: int, step: int, story: Story | None) -> int:
        held = self._touched.get(entity)
        self._undo.append((entity, held))
        if held is None:
            held = self._cache.get(entity)
            if entity not in self._before:
                self._before[entity] = held
        state = self._kinds[kind_of(entity)].evolve(held.state, event, entity)
        begun = held.story if held.born else story
        after = Held(held.version + step, held.born or position, state, begun)
        self._touched[entity] = after
        return after.version

    def settle(self) -> Batch:
        """The batch to commit: every touched entity's row, and the differences of its timers, calls and tags."""
        batch = Batch(events=[stored for stored, _ in self.events])
        for entity, held in self._touched.items():
            batch.entities.append(EntityRow(entity, held.version, held.born, _encode(held.state)))
            kind = self._kinds[kind_of(entity)]
            before = self._before[entity].state
            if before is held.state:
                continue
            if kind.timers is not _no_map:
                _differ_timers(batch, kind, entity, before, held.state)
            if kind.calls is not _no_map:
                _differ_calls(batch, kind, entity, before, held.state)
            if kind.tags is not _nothing:
                _differ_tags(batch, kind, entity, before, held)
        return batch

    def keep(self) -> None:
        """After the commit: the cache may know."""
        self._cache.keep(self._touched)

    def last_id(self, entity: str) -> str:
        """The id of the newest event of an entity, as the cause of what a timer or an answer decides."""
        held = self._touched.get(entity) or self._cache.get(entity)
        return event_id(self._service.name, entity, held.version)

    def story_of(self, entity: str) -> Story | None:
        """The story that an entity's first event belongs to; None for what is not known, and for what outlives
        stories, such as a SKU.
        """
        if self._kinds[kind_of(entity)].lasting:
            return None
        held = self._touched.get(entity)
        return held.story if held is not None and held.story else self._cache.story_of(entity)


def _differ_timers(batch: Batch, kind: Kind, entity: str, before: Any, after: Any) -> None:
    old = kind.timers(before) if before is not None else {}
    new = kind.timers(after)
    if old == new:
        return
    batch.timers_gone += [(entity, name) for name in old if name not in new]
    batch.timers_due += [(entity, name, rfc3339(due)) for name, due in new.items() if old.get(name) != due]


def _differ_calls(batch: Batch, kind: Kind, entity: str, before: Any, after: Any) -> None:
    old = kind.calls(before) if before is not None else {}
    new = kind.calls(after)
    if old == new:
        return
    batch.calls_gone += [(entity, key) for key in old if key not in new]
    batch.calls_due += [(entity, key, call.kind) for key, call in new.items() if old.get(key) != call]


def _differ_tags(batch: Batch, kind: Kind, entity: str, before: Any, held: Held) -> None:
    old = set(kind.tags(before)) if before is not None else set()
    new = set(kind.tags(held.state))
    if old == new:
        return
    for tag in sorted(old - new):
        batch.tags_gone.append((tag, held.born, entity))
        _count(batch, tag, -1)
    for tag in sorted(new - old):
        batch.tags_new.append((tag, held.born, entity))
        _count(batch, tag, 1)


def _count(batch: Batch, tag: str, by: int) -> None:
    if "=" in tag:
        batch.counts[tag] = batch.counts.get(tag, 0) + by
