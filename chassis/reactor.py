"""The heart: a batch of whatever happened -> pure decisions -> one transaction.

Everything here is plain, synchronous code on the writer's thread. The event loop hands in items (messages, commands,
due timers, answers of calls) and gets back what each of them caused, after it is durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventsourcing.persistence import PersistenceError

from chassis.batch import Advance, Batch, Position
from chassis.chain import chained
from chassis.clock import Clock, rfc3339
from chassis.crashpoints import crash_point
from chassis.declare import Answer, Message, Service, Step, kind_of
from chassis.decoding import UnreadableEvent, decode_received
from chassis.event_store import InDoubt, Store
from chassis.ids import span_id, trace_of
from chassis.items import (
    RAW_STREAM,
    Answered,
    Asked,
    Discarded,
    Due,
    Incoming,
    Item,
    Retried,
    Unnumbered,
)
from chassis.logs import logger
from chassis.parking import PARKED, park, with_parking
from chassis.state_cache import StateCache
from chassis.work import Cause, Work
from contracts.catalogue import UnknownEvent
from contracts.event import Event
from contracts.parking import REFUSALS

TRIES_MAX = 3
"""How often a message whose handler raises is tried before it is parked."""


class StillRefused(Exception):
    """The retried message is refused again, for the reason given; nothing was changed."""


@dataclass(slots=True)
class Outcome:
    """What an item caused: its events in order, or the exception of its decision."""

    events: tuple[Event, ...] = ()
    error: Exception | None = None
    cause: Cause | None = None

    @property
    def correlation(self) -> str:
        """The id of the story it belongs to, as its events bear it; empty where nothing was decided."""
        return self.cause.correlation if self.cause is not None else ""


@dataclass(frozen=True, slots=True)
class Decided:
    """A batch that is to be committed, and what it came from."""

    work: Work
    outcomes: list[Outcome]
    batch: Batch


type Left = tuple[int, bytes, dict[str, Position]]
"""The last position and link in a store, and how far each source was read."""


@dataclass(slots=True)
class Committed:
    """What a batch left behind, for the relay, the timers, the calls and whoever waits for an item."""

    outcomes: list[Outcome]
    batch: Batch = field(default_factory=Batch)


class Reactor:
    """Runs a service's tables over batches of items. One instance, one thread."""

    def __init__(self, service: Service, store: Store, clock: Clock) -> None:
        self.service = with_parking(service)
        self.kinds = {kind.name: kind for kind in self.service.kinds}
        self.cache = StateCache(store, self.kinds)
        self.positions: dict[str, Position] = store.positions()
        self.last_position = store.last_position()
        self._chain = store.last_link()
        self._in_doubt: Decided | None = None
        self._store = store
        self._clock = clock

    @property
    def left_behind(self) -> tuple[Left, ...]:
        """What the store holds after the last batch; after one in doubt, either that or what it would leave."""
        last = (self.last_position, self._chain, self.positions)
        if self._in_doubt is None:
            return (last,)
        batch = self._in_doubt.batch
        positions = self.positions | batch.read_to
        if not batch.events:
            return last, (self.last_position, self._chain, positions)
        return last, (batch.events[-1].position, batch.events[-1].chain, positions)

    def process(self, items: Sequence[Item]) -> Committed:
        """Decide every item in order and commit what came out. If it raises, nothing happened.

        Unless it raises `InDoubt`: the same items must come next, and what was decided of them is committed again.
        """
        decided = self._in_doubt or self._decide_all(items)
        self._in_doubt = None
        batch = decided.batch
        if not batch.is_empty():
            crash_point("before_commit")
            self._commit(decided)
            crash_point("after_commit")
            if batch.events:
                self.last_position, self._chain = batch.events[-1].position, batch.events[-1].chain
            decided.work.keep()
        self.positions |= batch.read_to
        return Committed(decided.outcomes, batch)

    def story_of(self, entity: str) -> str:
        """The correlation id that an entity's timers and answers bear. Reads the store alone, on any thread."""
        work = Work(self.service, self.kinds, StateCache(self._store, self.kinds), self._clock(), 0)
        return self._cause(work, Due(entity, ""), "").correlation

    def _decide_all(self, items: Sequence[Item]) -> Decided:
        now = self._clock()
        work = Work(self.service, self.kinds, self.cache, now, self.last_position)
        moment = rfc3339(now)
        opened = [self._open(item) for item in items]
        work.prefetch(self._needs(work, items, opened))
        outcomes = [
            self._decide(work, item, event, moment) for item, event in zip(items, opened, strict=True)
        ]
        batch = work.settle()
        batch.events = chained(self._chain, batch.events)
        batch.advances = self._advances(items)
        return Decided(work, outcomes, batch)

    def _commit(self, decided: Decided) -> None:
        try:
            self._store.commit(decided.batch)
        except PersistenceError as trouble:
            self.cache.forget()
            if isinstance(trouble, InDoubt):
                self._in_doubt = decided
            raise

    def _open(self, item: Item) -> Any:
        """The event inside a message; the exception that says why there is none."""
        if not isinstance(item, Incoming | Retried) or self._is_raw(item.message):
            return None
        event_type = item.message.headers.get("ce-type", "")
        try:
            return decode_received(event_type, item.message.data)
        except (UnknownEvent, UnreadableEvent) as unreadable:
            return unreadable

    @staticmethod
    def _is_raw(message: Message) -> bool:
        return message.stream == RAW_STREAM

    def _step(self, item: Item, event: Any) -> tuple[Step | None, Any]:
        """The step for an item and the thing it is given."""
        if isinstance(item, Asked):
            return self.service.on_command.get(type(item.command)), item.command
        if isinstance(item, Incoming | Retried):
            if self._is_raw(item.message):
                return self.service.on_raw, item.message
            return self.service.on_event.get(type(event)), event
        return None, None

    def _needs(self, work: Work, items: Sequence[Item], opened: Sequence[Any]) -> Iterable[str]:
        for item, event in zip(items, opened, strict=True):
            if isinstance(item, Due):
                yield item.entity
            elif isinstance(item, Answered):
                yield item.answer.entity
            elif not isinstance(event, Exception):
                step, given = self._step(item, event)
                if step is not None:
                    try:
                        yield from step.needs(given)
                    except Exception as fault:  # noqa: BLE001 - the decision itself will show it, for this item alone
                        story = self._cause(work, item, "").correlation
                        logger().warning("needs_failed", correlation=story, error=repr(fault))

    def _decide(self, work: Work, item: Item, event: Any, moment: str) -> Outcome:
        if isinstance(item, Incoming):
            return self._take_in(work, item, event, moment)
        cause = self._cause(work, item, moment)
        try:
            return Outcome(tuple(work.apply(self._decision(work, item, event), cause)), cause=cause)
        except PersistenceError:
            raise
        except Exception as error:  # noqa: BLE001 - given to whoever asked; the other items go on
            return Outcome(error=error, cause=cause)

    def _decision(self, work: Work, item: Item, event: Any) -> Iterable[Event]:
        match item:
            case Due(entity, name):
                return self.service.on_timer[f"{kind_of(entity)}.{name}"](entity, work)
            case Answered(kind, answer, lost):
                effect = self.service.effects[kind]
                then = effect.in_doubt if lost else effect.then
                return then(answer, work) if then else ()
            case Discarded(parked, actor, reason):
                return (REFUSALS[self.service.name].discarded(message=parked, actor=actor, reason=reason),)
            case Retried():
                return self._retry(work, item, event)
            case Unnumbered(message):
                return self._set_aside(work, message)
            case _:
                step, given = self._step(item, event)
                if step is None:
                    raise LookupError(f"{self.service.name} does not know the command {type(given).__name__}")
                return step.then(given, work)

    def _set_aside(self, work: Work, message: Message) -> Iterable[Event]:
        """Parked once, however often the stream is read again: it has no position to go by."""
        if work.state(f"{PARKED}/{message.id}") is not None:
            return ()
        reason = "not from this stream's service: it has no ce-sequence that fits the stream"
        return (park(self.service.name, message, message.headers.get("ce-type", ""), reason, 1, None),)

    def _retry(self, work: Work, item: Retried, event: Any) -> Iterable[Event]:
        if isinstance(event, Exception):
            raise StillRefused(str(event)) from event
        step, given = self._step(item, event)
        events = list(step.then(given, work)) if step else []
        for refused in events:
            if self.service.places[type(refused)](refused)[0] == item.parked:
                raise StillRefused(getattr(refused, "reason", "refused again"))
        applied = REFUSALS[self.service.name].retried(
            message=item.parked, actor=item.actor, reason=item.reason
        )
        return (*events, applied)

    def _take_in(self, work: Work, item: Incoming, event: Any, moment: str) -> Outcome:
        """A message: decided, or parked after its tries. Never refused silently, never in the way of the next one."""
        cause = self._cause(work, item, moment)
        tries, fault = 1, event
        while not isinstance(event, Exception):
            try:
                step, given = self._step(item, event)
                return Outcome(tuple(work.apply(step.then(given, work) if step else (), cause)), cause=cause)
            except PersistenceError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is parked with its traceback
                fault = error
            if tries == TRIES_MAX:
                break
            tries += 1
        return Outcome(tuple(work.apply((self._park(item, cause, tries, fault),), cause)), cause=cause)

    def _park(self, item: Incoming, cause: Cause, tries: int, fault: Exception) -> Event:
        message, name = item.message, type(fault).__name__
        event_type = message.headers.get("ce-type", "")
        logger().error(
            "message_parked",
            correlation=cause.correlation,
            message=message.id,
            type=event_type,
            reason=name,
            tries=tries,
        )
        return park(self.service.name, message, event_type, f"{name}: {fault}", tries, fault)

    def _cause(self, work: Work, item: Item, moment: str) -> Cause:
        match item:
            case Incoming(message) | Retried(message=message) | Unnumbered(message):
                known = message.headers
                causation = message.id if self._is_raw(message) else known.get("ce-id", message.id)
                correlation = causation if self._is_raw(message) else known.get("ce-correlationid", causation)
                trace = trace_of(correlation, known.get("traceparent", ""))
            case Asked(id=causation):
                correlation, trace = causation, trace_of(causation)
            case Due(entity) | Discarded(entity) | Answered(answer=Answer(entity)):
                causation = work.last_id(entity)
                correlation, traceparent = work.story_of(entity) or (causation, "")
                trace = trace_of(correlation, traceparent)
        span = span_id(self.service.name, type(item).__name__, causation)
        return Cause(correlation, causation, trace, span, moment)

    def _advances(self, items: Sequence[Item]) -> list[Advance]:
        newest: dict[str, Incoming] = {}
        for item in items:
            if isinstance(item, Incoming):
                newest[item.message.stream] = item
        advances = []
        for source, item in newest.items():
            known = self.positions.get(source)
            advances.append(
                Advance(source, known.position if known else None, item.position, item.message.stream_seq)
            )
        return advances
