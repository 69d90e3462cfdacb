"""I12: received = applied + parked + pending, for every consumer.

"Applied" is not taken on trust: where a message must leave a trace in the consumer's own log (`debts.py`), the
trace is looked for, and a message without one is a fault. A parked or discarded message owes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from chassis.batch import StoredEvent
from chassis.causes import cause_of
from chassis.ids import event_id
from contracts.catalogue import BY_TYPE, STREAMS
from ops.verify.debts import DEBTS, Debt
from ops.verify.evidence import Evidence, Facts, producer_of, spot
from ops.verify.messages import ChannelMessages
from ops.verify.scan import Reader
from ops.verify.verdict import Tally, Verdict


class Owing(NamedTuple):
    """A message that was applied and whose answer was not seen yet."""

    where: str
    names: tuple[str, str]
    mark: Any


@dataclass(slots=True)
class Account:
    """What is owed of one kind of debt, by key, and what was seen of it. `messages` counts what was applied."""

    debt: Debt
    messages: int = 0
    waiting: dict[Any, list[Owing]] = field(default_factory=dict)
    answered: set[Any] = field(default_factory=set)
    opened: dict[Any, Any] = field(default_factory=dict)

    def is_settled(self, key: Any, mark: Any) -> bool:
        """Whether the answer is there; or for a debt of what is open, whether that is open no more."""
        if self.debt.opened_by:
            return key not in self.opened or self.opened[key] != mark
        return key in self.answered

    def open(self, _: StoredEvent, facts: Facts) -> None:
        """Something that a message has to answer from now on; but one without lines asks for nothing."""
        key = self.debt.key(facts)
        if key not in self.answered and facts.get("lines", True):
            self.opened[key] = self.debt.mark(facts)

    def answer(self, _: StoredEvent, facts: Facts) -> None:
        """An answer, or what makes one needless for now."""
        if self.debt.opened_by:
            self.opened.pop(self.debt.key(facts), None)
            return
        key = (self.debt.answer_key or self.debt.key)(facts)
        self.answered.add(key)
        self.waiting.pop(key, None)

    def end(self, event: StoredEvent, facts: Facts) -> None:
        """Nothing is opened again after this."""
        self.answer(event, facts)
        self.answered.add(self.debt.key(facts))

    def unsettled(self) -> Iterable[Owing]:
        """Messages whose answer never came."""
        for key, owing in self.waiting.items():
            yield from (one for one in owing if not self.is_settled(key, one.mark))


class HandOvers:
    """Counts what each consumer should have received, and looks for the traces of what it applied.

    `messages` hears what came in on CHANNELS; `channels` is how many that stream has, its first and its last, None
    while the bus is away.
    """

    def __init__(
        self, evidence: Evidence, messages: ChannelMessages, channels: tuple[int, int, int] | None
    ) -> None:
        self._evidence, self._messages, self._channels = evidence, messages, channels
        self._tally = Tally("I12")
        self._received: Counter[tuple[str, str]] = Counter()
        self._pending = self._applied = self._put_aside = 0
        self._parked: dict[str, dict[str, tuple[str, str]]] = {service: {} for service in evidence.stores}
        self._accounts = [Account(debt) for debt in DEBTS]
        self._begun: set[str] = set()
        self.reads = _readers(self, self._accounts, tuple(evidence.stores))

    def witness(self, service: str, event: StoredEvent) -> None:
        """Count the event for everyone who is to receive it."""
        self._begun.add(service)
        entry = BY_TYPE.get(event.type)
        for consumer in entry.consumers if entry else ():
            self._received[consumer, service] += 1
            if self._evidence.has_applied(consumer, service, event.position):
                self._applied += 1
            else:
                self._pending += 1

    def owe(self, account: Account, event: StoredEvent, facts: Facts) -> None:
        """A message that the consumer must answer, if it has come to it."""
        debt, producer = account.debt, producer_of(event.type)
        if not self._evidence.has_applied(debt.consumer, producer, event.position):
            return
        account.messages += 1
        key, mark = debt.key(facts), debt.mark(facts)
        final = not debt.opened_by or debt.consumer in self._begun  # stores are read whole, one after another
        if not (final and account.is_settled(key, mark)):
            names = (event_id(producer, event.entity, event.version), f"{STREAMS[producer]}/{event.position}")
            account.waiting.setdefault(key, []).append(Owing(spot(event), names, mark))

    def park(self, service: str, event: StoredEvent, facts: Facts) -> None:
        """A message that the consumer put aside; it must be one that it received."""
        producer = producer_of(facts["stream"].lower())
        self._parked[service][facts["message"]] = (cause_of(event), facts.get("type", ""))
        self._tally.check(bool(facts["reason"]), spot(event), "parked without a reason")
        self._tally.check(
            producer in STREAMS, spot(event), f"parked from {facts['stream']}, which is no stream"
        )

    def unpark(self, service: str, event: StoredEvent, facts: Facts) -> None:
        """A parked message that was applied after all."""
        gone = self._parked[service].pop(facts["message"], None)
        self._tally.check(gone is not None, spot(event), f"{facts['message']} was not parked")

    def conclude(self) -> Iterable[Verdict]:
        """Look for each answer that is owed. Then the sums."""
        lost = sum(map(self._settle, self._accounts))
        for consumer, producer in sorted(self._received):
            self._stays_within(consumer, producer)
        self._applied -= lost + self._count_parked()
        self._count_channels()
        received = sum(self._received.values())
        self._tally.notes.append(
            f"received {received} {'=' if received == self._counted else '≠'} applied {self._applied}"
            f" + parked {self._put_aside} + pending {self._pending}"
        )
        return (self._tally.verdict(),)

    @property
    def _counted(self) -> int:
        return self._applied + self._put_aside + self._pending

    def _settle(self, account: Account) -> int:
        """How many messages left no trace though they should have. Parked ones owe none."""
        debt, lost = account.debt, 0
        aside = {cause for cause, _ in self._parked[debt.consumer].values()}
        self._tally.checked += account.messages
        for owing in account.unsettled():
            if aside.isdisjoint(owing.names):
                lost += 1
                said = f"{debt.consumer} has applied this {debt.message.split('.')[1]} and left no {debt.expected}"
                self._tally.fault(owing.where, said)
        return lost

    def _count_parked(self) -> int:
        """Messages put aside, discarded ones too, among those that were counted as received."""
        for consumer, parked in self._parked.items():
            for _, event_type in parked.values():
                entry = BY_TYPE.get(event_type)
                self._put_aside += entry is not None and consumer in entry.consumers
        return self._put_aside

    def _count_channels(self) -> None:
        """CHANNELS: every message is decided, needs nothing, is put aside, or was not read yet."""
        if self._channels is None:
            self._tally.notes.append("messages on CHANNELS not counted: the bus is away")
            return
        aside = sum(
            cause.partition("/")[0].endswith("CHANNELS") for cause, _ in self._parked["orders"].values()
        )
        count, _, last = self._channels
        pending = min(count, max(0, last - self._messages.read_until))
        self._received["orders", "channels"] = count
        self._pending += pending
        self._put_aside += aside
        self._applied += self._messages.accounted - aside
        left = count - pending - self._messages.accounted
        self._tally.check(not left, "CHANNELS", f"{left} messages are neither decided nor parked nor pending")

    def _stays_within(self, consumer: str, producer: str) -> None:
        last = self._evidence.lasts[producer]
        applied = self._evidence.applied[consumer].get(STREAMS[producer], 0)
        self._tally.check(
            applied <= last or applied <= self._evidence.live[producer].last_position(),
            consumer,
            f"has applied {producer} up to {applied}, which has only {last} events",
        )


def _readers(auditor: HandOvers, accounts: Iterable[Account], services: tuple[str, ...]) -> dict[str, Reader]:
    """What to do on each type: one type can be message and answer at once, so the steps are chained."""
    steps: dict[str, list[Reader]] = {}
    for account in accounts:
        debt = account.debt
        heard: list[tuple[tuple[str, ...], Reader]] = [
            ((debt.message,), partial(auditor.owe, account)),
            (debt.answers, account.answer),
            (debt.over, account.end),
            ((debt.opened_by,) if debt.opened_by else (), account.open),
        ]
        for types, act in heard:
            for event_type in types:
                steps.setdefault(event_type, []).append(act)
    for service in services:
        steps[f"{service}.MessageParked.v1"] = [partial(auditor.park, service)]
        steps[f"{service}.ParkedMessageRetried.v1"] = [partial(auditor.unpark, service)]
    steps["orders.MessageRefused.v1"] = [partial(auditor.park, "orders")]
    return {event_type: _all_of(readers) for event_type, readers in steps.items()}


def _all_of(readers: list[Reader]) -> Callable[[StoredEvent, Facts], None]:
    def read(event: StoredEvent, facts: Facts) -> None:
        for reader in readers:
            reader(event, facts)

    return read
