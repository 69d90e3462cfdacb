"""One pass over every store for all auditors. A payload is decoded once, if someone reads its type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import orjson

from chassis.batch import StoredEvent
from ops.verify.evidence import Evidence, Facts, all_events
from ops.verify.verdict import Verdict

type Reader = Callable[[StoredEvent, Facts], None]
type Witness = Callable[[str, StoredEvent], None]


class Auditor(Protocol):
    """Listens to the pass, then concludes. `reads` says what to do on each type of event."""

    @property
    def reads(self) -> Mapping[str, Reader]:
        """What it does on which type of event."""

    def conclude(self) -> Iterable[Verdict]:
        """What holds, once everything was read."""


def scan(
    evidence: Evidence,
    auditors: Iterable[Auditor],
    witnesses: Iterable[Witness] = (),
    reached: Callable[[int], None] = lambda done: None,
    is_damaged: Callable[[str, StoredEvent], bool] = lambda service, event: False,
) -> None:
    """Read all stores in order. `witnesses` see every event undecoded; `reached` hears how many were read.

    One that cannot be read is passed over, if the first witness has found it damaged, and said so.
    """
    readers = _by_type(auditors)
    witnesses = tuple(witnesses)
    done = 0
    for service, store in evidence.stores.items():
        for event in all_events(store):
            try:
                for witness in witnesses:
                    witness(service, event)
                if heard := readers.get(event.type):
                    facts = orjson.loads(event.data)
                    for reader in heard:
                        reader(event, facts)
            except ValueError:
                if not is_damaged(service, event):
                    raise
            done += 1
            if not done % 1000:
                reached(done)


def _by_type(auditors: Iterable[Auditor]) -> dict[str, tuple[Reader, ...]]:
    table: dict[str, tuple[Reader, ...]] = {}
    for auditor in auditors:
        for event_type, reader in auditor.reads.items():
            table[event_type] = (*table.get(event_type, ()), reader)
    return table
