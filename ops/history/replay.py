"""Rebuild a service from its events, beside the running one, and compare. Nothing is called or published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import zip_longest
from typing import Any

from chassis.batch import StoredEvent
from chassis.declare import Service, kind_of
from chassis.event_store import Store
from chassis.rebuild import all_events, as_read_today, fold, live_rows, state_hash
from ops.console import CannotDo, Progress
from ops.stores import open_stores
from ops.system import System

type Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Both hashes, and the first row that differs. `effects_run` is 0: a fold has nothing to call with."""

    service: str
    events: int
    seconds: float
    live_hash: str
    rebuilt_hash: str
    difference: str = ""
    effects_run: int = 0

    @property
    def equal(self) -> bool:
        """Whether the rebuilt state is the live one, byte for byte as this release writes it."""
        return self.live_hash == self.rebuilt_hash

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        shown = asdict(self) | {"equal": self.equal, "seconds": round(self.seconds, 3)}
        return shown if self.difference else {k: v for k, v in shown.items() if k != "difference"}

    def readable(self) -> str:
        """For people."""
        rate = self.events / self.seconds if self.seconds else 0
        verdict = "equal to the live state" if self.equal else f"DIFFERENT: {self.difference}"
        return (
            f"{self.service}: {self.events:,} events in {self.seconds:.2f} s ({rate:,.0f}/s), "
            f"{self.effects_run} effects run\n  live    {self.live_hash}\n  rebuilt {self.rebuilt_hash}\n"
            f"  {verdict}"
        )


def declared(service: str) -> Service:
    """The service's table of pure functions, as it is wired. Nothing is opened."""
    table: Service = import_module(f"services.{service}.wiring").build().service
    return table


def evolve_of(service: Service, entity: str) -> Callable[[Any, Any, str], Any]:
    """How a service's entities of this kind come from their events."""
    return next(kind.evolve for kind in service.kinds if kind.name == kind_of(entity))


def replay_service(system: System, service: str) -> Replayed:
    """Replay one service of a system. Raises `CannotDo` if it has no store."""
    store = open_stores(system, (service,))[service]
    with store.snapshot() as still:
        return replay(declared(service), still, still)


def replay(table: Service, events_from: Store, live: Store) -> Replayed:
    """Fold all events through the table and compare with the live rows of the same moment."""
    progress = Progress(f"replaying {table.name}", events_from.last_position())
    started = time.monotonic()
    try:
        rebuilt = fold(table, _counted(all_events(events_from), progress))
    except Exception as fault:
        raise CannotDo(f"{table.name}: an event cannot be replayed: {fault!r}") from fault
    seconds = time.monotonic() - started
    rebuilt_hash, live_hash = state_hash(rebuilt.rows()), state_hash(live_rows(live))
    difference = ""
    if rebuilt_hash != live_hash:  # an earlier release may have written fewer fields
        live_hash = state_hash(as_read_today(table, live_rows(live)))
    if rebuilt_hash != live_hash:
        difference = _first_difference(rebuilt.rows(), as_read_today(table, live_rows(live)))
    return Replayed(table.name, rebuilt.events, seconds, live_hash, rebuilt_hash, difference)


def _counted(events: Iterable[StoredEvent], progress: Progress) -> Iterator[StoredEvent]:
    for number, event in enumerate(events, start=1):
        if not number % 1000:
            progress.reached(number)
        yield event


def _first_difference(rebuilt: Iterable[Row], live: Iterable[Row]) -> str:
    for there, here in zip_longest(rebuilt, live):
        if there is None or here is None or tuple(there) != tuple(here):
            return f"rebuilt {_short(there)}, live {_short(here)}"
    return "none found, though the hashes differ"


def _short(row: Row | None) -> str:
    text = "nothing" if row is None else " ".join(str(part) for part in row)
    return text if len(text) <= 160 else f"{text[:160]}…"
