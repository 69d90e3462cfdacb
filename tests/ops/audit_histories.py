"""Histories to be signed, and what somebody who wants another one may do to them."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chassis.batch import Batch, NewEvent, StoredEvent
from chassis.chain import GENESIS, chained
from chassis.clock import rfc3339
from chassis.sqlite_store import SQLiteStore
from contracts.parking import SERVICES
from ops.audit.export import line_of
from ops.audit.reader import link, read_events

START = datetime(2024, 3, 1, tzinfo=UTC)
EVENTS = 12
"""Of each service; one a minute, of three entities in turn."""

WORDS = "a quantity, an amount, an address: about as much as an order says of itself " * 5

type Lines = list[dict[str, Any]]


def events(service: str, count: int, first: int = 1) -> Iterator[NewEvent]:
    """What a service said, not linked yet."""
    for position in range(first, first + count):
        moment = rfc3339(START + timedelta(minutes=position))
        headers = f"ce-time: {moment}\r\nce-correlationid: ä/{position}\r\n".encode()
        version, entity = divmod(position - 1, 3)
        said = json.dumps({"number": position, "who": service, "what": WORDS}).encode()
        yield NewEvent(position, f"thing/{entity}", version + 1, f"{service}.Said.v1", said, headers)


def write(data: Path, count: int = EVENTS, first: int = 1) -> None:
    """Add so many events to each of the five stores."""
    for service in SERVICES:
        with closing(SQLiteStore(data / "stores" / f"{service}.sqlite")) as store:
            store.commit(Batch(events=chained(store.last_link(), events(service, count, first))))


def moment(position: int) -> datetime:
    """When the event at this position was recorded."""
    return START + timedelta(minutes=position)


def flip(lines: Lines, at: int) -> None:
    """One event says something else."""
    lines[at - 1]["data"] = "eyJudW1iZXIiOiA5OTl9"


def delete(lines: Lines, at: int) -> None:
    """One event is not there."""
    del lines[at - 1]


def insert(lines: Lines, at: int) -> None:
    """One event was never said; those after it make room."""
    lines.insert(at - 1, dict(lines[at - 1], data="eyJudW1iZXIiOiA5OTl9"))
    for number, line in enumerate(lines, start=1):
        line["position"] = number


def reorder(lines: Lines, at: int) -> None:
    """Two events change places, and positions with them."""
    swap(lines, at)
    lines[at - 1]["position"], lines[at]["position"] = at, at + 1


def swap(lines: Lines, at: int) -> None:
    """Two lines change places as they are."""
    lines[at - 1], lines[at] = lines[at], lines[at - 1]


TAMPERINGS: dict[str, Callable[[Lines, int], None]] = {
    "flip": flip,
    "delete": delete,
    "insert": insert,
    "reorder": reorder,
    "swap": swap,
}


def tamper(export: Path, service: str, change: Callable[[Lines, int], None], at: int) -> None:
    """Change an exported file."""
    path = export / f"{service}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines, at)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def link_anew(export: Path, service: str) -> None:
    """What somebody with time does after a change: positions, versions and links are made to fit again."""
    path, before, versions = export / f"{service}.jsonl", GENESIS, dict[str, int]()
    lines = []
    for position, event in enumerate(read_events(path, service), start=1):
        _, entity, _, kind, data, headers, _ = event
        versions[entity] = versions.get(entity, 0) + 1
        before = link(before, (position, entity, versions[entity], kind, data, headers, b""))
        said = {"position": position, "entity": entity, "version": versions[entity], "type": kind}
        lines.append(said | {"data": _text(data), "headers": _text(headers), "link": before.hex()})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def into_the_store(export: Path, data: Path, service: str) -> None:
    """Put a changed export where the live store is, past its triggers."""
    rows: Iterable[Any] = [
        (said[0], said[1], said[2], said[3], said[4], said[5], said[6])
        for said in read_events(export / f"{service}.jsonl", service)
    ]
    with closing(sqlite3.connect(data / "stores" / f"{service}.sqlite")) as direct, direct:
        for trigger in ("update", "delete"):
            direct.execute(f"DROP TRIGGER stored_events_no_{trigger}")
        direct.execute("DELETE FROM stored_events")
        direct.executemany(
            "INSERT OR REPLACE INTO stored_events (rowid, originator_id, originator_version, topic, state, headers,"
            " chain) VALUES (?,?,?,?,?,?,?)",
            rows,
        )


def write_long(path: Path, count: int) -> str:
    """An exported file of so many events; returns its last link."""
    before = GENESIS
    with path.open("wb") as file:
        for event in events(path.stem, count):
            (linked,) = chained(before, (event,))
            before = linked.chain
            file.write(line_of(StoredEvent(*linked)))
    return before.hex()


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
