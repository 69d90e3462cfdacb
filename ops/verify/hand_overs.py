"""I12: received = applied + parked + pending, for every consumer.

"Applied" is not taken on trust: where a message must leave a trace in the consumer's own log, the trace is
looked for. An accepted order leaves a reservation or a refusal, a dispatched parcel an invoice, and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from chassis.batch import StoredEvent
from contracts.catalogue import BY_TYPE, STREAMS
from ops.verify.evidence import Evidence, Facts, producer_of, spot
from ops.verify.scan import Reader
from ops.verify.verdict import Tally, Verdict

type Traces = tuple[tuple[str, str, str, tuple[str, ...]], ...]

TRACES: Traces = (
    (
        "inventory",
        "orders.OrderAccepted.v1",
        "order_id",
        ("inventory.StockReserved.v1", "inventory.ReservationRefused.v1"),
    ),
    ("inventory", "shipping.ParcelDispatched.v1", "parcel_id", ("inventory.StockDispatched.v1",)),
    ("billing", "orders.PaymentRequested.v1", "order_id", ("billing.PaymentDue.v1",)),
    ("billing", "shipping.ParcelDispatched.v1", "parcel_id", ("billing.InvoiceIssued.v1",)),
    ("shipping", "orders.OrderReleased.v1", "order_id", ("shipping.FulfilmentPlanned.v1",)),
    ("orders", "billing.PaymentCaptured.v1", "order_id", ("orders.PaymentConfirmed.v1",)),
    ("orders", "billing.PaymentRefunded.v1", "refund_id", ("orders.RefundConfirmed.v1",)),
    ("orders", "billing.InvoiceIssued.v1", "number", ("orders.InvoiceNoted.v1",)),
    ("orders", "shipping.ParcelDispatched.v1", "parcel_id", ("orders.ParcelHandedOver.v1",)),
    (
        "notify",
        "orders.OrderAccepted.v1",
        "order_id",
        ("notify.NotificationQueued.v1", "notify.NotificationSuppressed.v1"),
    ),
)
"""Consumer, what it receives, the field both sides name, and the events it must answer with."""


@dataclass(slots=True)
class Owed:
    """Causes that a consumer has applied, with where they stand, and the traces that it left."""

    causes: dict[str, str] = field(default_factory=dict)
    traces: set[str] = field(default_factory=set)


class HandOvers:
    """Counts what each consumer should have received, and looks for the traces of what it applied."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._tally = Tally("I12")
        self._received: Counter[tuple[str, str]] = Counter()
        self._pending: Counter[tuple[str, str]] = Counter()
        self._parked: dict[str, dict[str, str]] = {service: {} for service in evidence.stores}
        self._owed = [Owed() for _ in TRACES]
        self.reads = _readers(self, tuple(evidence.stores))

    def witness(self, service: str, event: StoredEvent) -> None:
        """Count the event for everyone who is to receive it."""
        entry = BY_TYPE.get(event.type)
        for consumer in entry.consumers if entry else ():
            pair = (consumer, service)
            self._received[pair] += 1
            if not self._evidence.has_applied(consumer, service, event.position):
                self._pending[pair] += 1

    def cause(self, trace: int, consumer: str, key: str, event: StoredEvent, facts: Facts) -> None:
        """A message that the consumer must answer, if it has come to it."""
        if self._evidence.has_applied(consumer, producer_of(event.type), event.position):
            self._owed[trace].causes[facts[key]] = spot(event)

    def trace(self, trace: int, key: str, event: StoredEvent, facts: Facts) -> None:
        """An answer."""
        self._owed[trace].traces.add(facts[key])

    def park(self, service: str, event: StoredEvent, facts: Facts) -> None:
        """A message that the consumer put aside; it must be one that it received."""
        producer = producer_of(facts["stream"].lower())
        self._parked[service][facts["message"]] = facts.get("type", "")
        self._tally.check(bool(facts["reason"]), spot(event), "parked without a reason")
        self._tally.check(
            producer in STREAMS, spot(event), f"parked from {facts['stream']}, which is no stream"
        )

    def unpark(self, service: str, event: StoredEvent, facts: Facts) -> None:
        """A parked message that was applied after all."""
        gone = self._parked[service].pop(facts["message"], None)
        self._tally.check(gone is not None, spot(event), f"{facts['message']} was not parked")

    def conclude(self) -> Iterable[Verdict]:
        """Look for each owed trace; a parked message owes none. Then the sums."""
        for (consumer, caused_by, _, answers), owed in zip(TRACES, self._owed, strict=True):
            self._settle(consumer, caused_by, answers, owed)
        for (consumer, producer), received in sorted(self._received.items()):
            self._sum_up(consumer, producer, received)
        self._tally.notes.append(self._equation())
        return (self._tally.verdict(),)

    def _equation(self) -> str:
        received, pending = sum(self._received.values()), sum(self._pending.values())
        parked = sum(len(messages) for messages in self._parked.values())
        applied = received - parked - pending
        return f"received {received} = applied {applied} + parked {parked} + pending {pending}"

    def _settle(self, consumer: str, caused_by: str, answers: tuple[str, ...], owed: Owed) -> None:
        missing = [where for key, where in owed.causes.items() if key not in owed.traces]
        excused = sum(event_type == caused_by for event_type in self._parked[consumer].values())
        self._tally.checked += len(owed.causes)
        if len(missing) > excused:
            expected = " or ".join(answer.split(".")[1] for answer in answers)
            for where in missing:
                self._tally.fault(
                    where, f"{consumer} has applied this {caused_by.split('.')[1]} and left no {expected}"
                )

    def _sum_up(self, consumer: str, producer: str, received: int) -> None:
        last, applied = (
            self._evidence.lasts[producer],
            self._evidence.applied[consumer].get(STREAMS[producer], 0),
        )
        self._tally.check(
            applied <= last or applied <= self._evidence.live[producer].last_position(),
            consumer,
            f"has applied {producer} up to {applied}, which has only {last} events",
        )


def _readers(auditor: HandOvers, services: tuple[str, ...]) -> dict[str, Reader]:
    """What to do on each type: one type can be cause and trace at once, so the steps are chained."""
    steps: dict[str, list[Reader]] = {}
    for number, (consumer, caused_by, key, answers) in enumerate(TRACES):
        steps.setdefault(caused_by, []).append(partial(auditor.cause, number, consumer, key))
        for answer in answers:
            steps.setdefault(answer, []).append(partial(auditor.trace, number, key))
    for service in services:
        steps[f"{service}.MessageParked.v1"] = [partial(auditor.park, service)]
        steps[f"{service}.ParkedMessageRetried.v1"] = [partial(auditor.unpark, service)]
    steps["orders.MessageRefused.v1"] = [partial(auditor.park, "orders")]
    return {event_type: _all_of(readers) for event_type, readers in steps.items()}


def _all_of(readers: list[Reader]) -> Reader:
    def read(event: StoredEvent, facts: Facts) -> None:
        for reader in readers:
            reader(event, facts)

    return read
