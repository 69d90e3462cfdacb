"""Ten bugs to plant, one at a time: a harness that cannot find them proves nothing.

Each is what somebody might really write, put in the place of the right code for as long as its block lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import chassis.relay
from chassis.batch import Batch
from chassis.declare import Call, Effect, Service, kind_of
from contracts.frozen import replace as with_fields
from contracts.inventory import ReservationReleased
from services.billing.domain import vat
from services.billing.domain.answers import CaptureCall
from services.inventory.domain.reservation import EVOLVES, Reservation, Status
from tests.simulation import world
from tests.simulation.bus import Stream, finished
from tests.simulation.calls import Calls, Crash, Key
from tests.simulation.process import Process
from tests.simulation.store import MemoryStore, Tables, rebuilt, with_derived, with_events, with_positions


@contextmanager
def in_place_of(owner: Any, name: str, wrong: Any) -> Iterator[None]:
    """Let `owner.name` be something else; of a mapping, the entry."""
    mapping = isinstance(owner, Mapping)
    right = owner[name] if mapping else getattr(owner, name)
    put: Callable[[Any, Any, Any], None] = dict.__setitem__ if mapping else setattr
    put(owner, name, wrong)
    try:
        yield
    finally:
        put(owner, name, right)


def position_before_events() -> AbstractContextManager[None]:
    """Where a source was read to is committed first, the events in a transaction of their own."""

    def commit(store: MemoryStore, batch: Batch) -> None:
        store.tables = with_positions(store.tables, batch.advances)
        store._interrupt("before_commit")
        store.write(replace(batch, advances=[]))
        store._interrupt("after_commit")

    return in_place_of(MemoryStore, "commit", commit)


def ack_before_commit() -> AbstractContextManager[None]:
    """Messages are acknowledged when they arrive, and reading goes on after the last acknowledgement."""
    right = Process.pull

    def pull(process: Process, stream: str, limit: int, lose: int | None = None) -> None:
        consumer = process.bus.consumers[process.name, stream]
        if stream in process.stale:
            consumer.redeliver()
            process._sources[stream]._delivered = consumer.delivered
            process.stale.discard(stream)
        right(process, stream, limit, lose)
        consumer.acknowledge(max((g.last for g in process.queue if g.source == stream), default=0))

    return in_place_of(Process, "pull", pull)


def random_ids() -> AbstractContextManager[None]:
    """A message gets a new id whenever it is published."""
    drawn = count()

    def event_id(service: str, entity: str, version: int) -> str:
        return f"{service}/{entity}/{version}-{next(drawn)}"

    return in_place_of(chassis.relay, "event_id", event_id)


def no_fencing() -> AbstractContextManager[None]:
    """The stream takes a message whatever it is expected to follow."""
    return in_place_of(Stream, "is_behind", lambda stream, expected: False)


def effect_before_record() -> AbstractContextManager[None]:
    """The outside is called while deciding, before it is on record that it will be."""
    right = Process.decide

    def decide(process: Process, groups: int, *, ack_lost: bool = False) -> None:
        def commit(batch: Batch) -> None:
            _call_ahead(process, batch)
            MemoryStore.commit(process.store, batch)

        with in_place_of(process.store, "commit", commit):
            right(process, groups, ack_lost=ack_lost)

    return in_place_of(Process, "decide", decide)


def _call_ahead(process: Process, batch: Batch) -> None:
    states = {row.entity: row.state for row in batch.entities}
    for entity, key, _ in batch.calls_due:
        state = process.reactor.cache.decode(entity, states[entity])
        call = process.reactor.kinds[kind_of(entity)].calls(state)[key]
        effect = process.reactor.service.effects[call.kind]
        try:
            finished(process.calls.answer(effect, (entity, key), call))
        except Crash:
            raise
        except Exception:  # noqa: BLE001 - the answer is not looked at, as in the bug that this is
            process.calls.unsure.add((entity, key))


def release_twice() -> AbstractContextManager[None]:
    """What was released is still held by the reservation, and released again when it runs out."""

    def released(state: Reservation, _: ReservationReleased) -> Reservation:
        return with_fields(state, status=Status.RELEASED)

    return in_place_of(EVOLVES, ReservationReleased, released)  # type: ignore[arg-type]


def capture_retried_blind() -> AbstractContextManager[None]:
    """A capture without an answer is tried again under a new reference, and nobody asks what became of the first."""

    async def answer(calls: Calls, effect: Effect, key: Key, call: Call) -> Any:
        payload = call.payload
        if isinstance(payload, CaptureCall) and key in calls.unsure:
            payload = with_fields(payload, reference=f"{payload.reference}-again")
        calls._interrupt("before_call")
        calls._witness(key)
        return await effect.call(key[1], payload)

    return in_place_of(Calls, "answer", answer)


def float_rounding() -> AbstractContextManager[None]:
    """Tax is reckoned with floats, and rounded as Python rounds them."""

    def tax_inside(gross_minor: int, rate: Decimal) -> int:
        return round(gross_minor * float(rate) / (1 + float(rate)))

    return in_place_of(vat, "tax_inside", tax_inside)


def timer_lost_on_rebuild() -> AbstractContextManager[None]:
    """A rebuild makes the states anew and forgets what is due."""

    def without_timers(service: Service, tables: Tables) -> Tables:
        return replace(rebuilt(service, tables), timers={})

    return in_place_of(world, "rebuilt", without_timers)


def view_outside_transaction() -> AbstractContextManager[None]:
    """The rows that follow from the events are written after the transaction that has the events."""

    def write(store: MemoryStore, batch: Batch) -> None:
        store.tables = with_events(with_positions(store.tables, batch.advances), batch)
        store._interrupt("within_transaction")
        store.tables = with_derived(store.tables, batch)
        store.ever_asked.update((entity, key) for entity, key, _ in batch.calls_due)

    return in_place_of(MemoryStore, "write", write)


BUGS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    bug.__name__: bug
    for bug in (
        position_before_events,
        ack_before_commit,
        random_ids,
        no_fencing,
        effect_before_record,
        release_twice,
        capture_retried_blind,
        float_rounding,
        timer_lost_on_rebuild,
        view_outside_transaction,
    )
}
"""Name -> a block in which it is there."""


def planted(name: str | None) -> AbstractContextManager[Any]:
    """A block with the bug of this name; without a name, with none."""
    return BUGS[name]() if name else ExitStack()
