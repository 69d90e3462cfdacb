"""A house whose history a test can bend: written through the real recorder, published on the real bus.

`true_story.py` fills it. A test plants one lie in it, and looks whether the auditor finds it. The states beside
the logs come from `house_tables.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from chassis.batch import Advance, Batch, EntityRow, NewEvent, StoredEvent
from chassis.bus import Bus
from chassis.chain import GENESIS, chained
from chassis.clock import rfc3339
from chassis.rebuild import fold
from chassis.sqlite_store import SQLiteStore
from contracts.catalogue import BY_TYPE, STREAMS, sources_of, subject_of
from contracts.event import Event
from contracts.parking import SERVICES
from ops.verify.evidence import weigh
from ops.verify.rebuilds import judge_rebuilds
from ops.verify.runner import audit, in_order
from ops.verify.verdict import Verdict
from tests.ops.house_tables import tables

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Said:
    """An event as it will be stored; a test may change any of it. `instead`: what stands in the log in its place."""

    entity: str
    type: str
    facts: dict[str, Any]
    cause: str
    time: datetime
    version: int | None = None
    position: int | None = None
    instead: dict[str, Any] | None = None


@dataclass
class House:
    """The logs, the messages from outside, and the truth of others, before they are written down."""

    said: dict[str, list[Said]] = field(default_factory=lambda: {service: [] for service in SERVICES})
    messages: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    transfers: list[dict[str, Any]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    behind: dict[tuple[str, str], int] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    published: dict[int, bytes] = field(default_factory=dict)

    def say(self, entity: str, event: Event, cause: str) -> str:
        """Add an event; returns its id, to be the cause of others."""
        service = event.TYPE.partition(".")[0]
        log = self.said[service]
        moment = START + timedelta(milliseconds=sum(len(said) for said in self.said.values()))
        log.append(Said(entity, event.TYPE, json.loads(event.to_bytes()), cause, moment))
        return f"{service}/{entity}/{sum(said.entity == entity for said in log)}"

    def find(self, name: str, order_id: str = "") -> Said:
        """The first event of this name (of this order)."""
        return next(said for said in self._all() if _matches(said, name, order_id))

    def drop(self, name: str, order_id: str = "") -> None:
        """As if it had never been."""
        for log in self.said.values():
            log[:] = [said for said in log if not _matches(said, name, order_id)]

    def repeat(self, name: str, order: str = "", /, **facts: Any) -> Said:
        """Say it once more, at the end of its log."""
        first = self.find(name, order)
        again = replace(first, facts={**first.facts, **facts})
        self.said[first.type.partition(".")[0]].append(again)
        return again

    def _all(self) -> Iterator[Said]:
        for log in self.said.values():
            yield from log

    def rows(self, service: str, *, as_it_was: bool = False) -> list[NewEvent]:
        """The log as it is stored, or as it was before anybody changed it."""
        versions: dict[str, int] = {}
        rows = []
        for number, said in enumerate(self.said[service], start=1):
            version = said.version or versions.get(said.entity, 0) + 1
            versions[said.entity] = version
            headers = {
                "ce-time": rfc3339(said.time),
                "ce-correlationid": said.facts.get("order_id", said.entity),
                "ce-causationid": said.cause,
                "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
            }
            block = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
            facts = said.instead if said.instead and not as_it_was else said.facts
            data = json.dumps(facts, separators=(",", ":")).encode()
            rows.append(NewEvent(said.position or number, said.entity, version, said.type, data, block))
        return rows

    def write(self, data: Path) -> dict[str, SQLiteStore]:
        """All stores, the gateway's log and the maildir, under a data folder."""
        stores = {service: self._write_store(data, service) for service in SERVICES}
        (data / "sandbox").mkdir(parents=True)
        log = "".join(json.dumps(transfer) + "\n" for transfer in self.transfers)
        (data / "sandbox" / "gateway.jsonl").write_text(log)
        (data / "mail" / "new").mkdir(parents=True)
        for mail in self.mails:
            (data / "mail" / "new" / mail).write_text("Subject: hello\n")
        return stores

    def _write_store(self, data: Path, service: str) -> SQLiteStore:
        (data / "stores").mkdir(parents=True, exist_ok=True)
        store = SQLiteStore(data / "stores" / f"{service}.sqlite")
        batch = Batch(events=chained(GENESIS, self.rows(service)), advances=list(self._advances(service)))
        store.commit(batch)
        batch = Batch()
        rebuilt = fold(tables()[service], [StoredEvent(*row) for row in self.rows(service, as_it_was=True)])
        for entity, (version, born, state, *_) in rebuilt.held.items():
            shown = {**msgspec.to_builtins(state), **self.states.get(entity, {})}
            batch.entities.append(EntityRow(entity, version, born, msgspec.json.encode(shown)))
        store.commit(batch)
        return store

    def _advances(self, service: str) -> Iterator[Advance]:
        for stream in sources_of(service):
            producer = next(name for name, known in STREAMS.items() if known == stream)
            if producer == "channels":
                last = len(self.messages)
            else:
                last = max(
                    (r.position for r in self.rows(producer) if service in consumers(r.type)), default=0
                )
            yield Advance(stream, None, last - self.behind.get((service, producer), 0), last)

    async def publish(self, bus: Bus) -> None:
        """Every stream, as the relays and the channels would have filled them."""
        for subject, data, headers in self.messages:
            await bus.publish(subject, data, headers)
        for service in SERVICES:
            for row in self.rows(service):
                headers = {
                    "ce-specversion": "1.0",
                    "ce-id": f"{service}/{row.entity}/{row.version}",
                    "ce-type": row.type,
                    "ce-source": f"/doorstep/{service}",
                    "ce-subject": row.entity,
                    "ce-sequence": str(row.position),
                    "ce-previous": str(row.position - 1),
                    **dict(line.split(": ", 1) for line in row.headers.decode().split("\r\n") if line),
                }
                data = self.published.get(row.position, row.data) if service == "billing" else row.data
                await bus.publish(subject_of(row.type), data, headers)

    async def audit(self, data: Path, bus: Bus | None) -> dict[str, Verdict]:
        """Write it all down, publish it, and let the auditor look."""
        live = self.write(data)
        if bus is not None:
            await self.publish(bus)
        return await self.judge(data, live, bus)

    async def judge(self, data: Path, live: dict[str, SQLiteStore], bus: Bus | None) -> dict[str, Verdict]:
        """Let the auditor look at what is written and published."""
        with ExitStack() as snapshots:
            stores = {name: snapshots.enter_context(store.snapshot()) for name, store in live.items()}
            verdicts = await audit(weigh(stores, live), bus, data, patience_seconds=0.2)
            verdicts.append(judge_rebuilds(stores, tables().__getitem__))
        return {verdict.id: verdict for verdict in in_order(verdicts)}


async def broken(house: House, data: Path, bus: Bus | None) -> dict[str, str]:
    """The invariants that do not hold, each with its detail."""
    verdicts = await house.audit(data, bus)
    return {verdict.id: verdict.detail for verdict in verdicts.values() if not verdict.holds}


def consumers(event_type: str) -> tuple[str, ...]:
    """Who listens to it."""
    return BY_TYPE[event_type].consumers if event_type in BY_TYPE else ()


def _matches(said: Said, name: str, order_id: str) -> bool:
    return said.type.split(".")[1] == name and order_id in ("", said.facts.get("order_id"))
