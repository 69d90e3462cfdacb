"""Signed roots of the five histories: which event stood where, and everything before it through its link.

One file each in `<data>/audit/`, numbered from 1: `{"statement", "signature"}`. A statement names the one before it by
its hash, so that none can be taken out or put in between.
"""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from chassis.chain import GENESIS, link
from chassis.clock import rfc3339
from chassis.event_store import Store
from contracts.parking import SERVICES
from ops.audit.keys import signing_key
from ops.audit.reader import Checkpoint, NotProved, canonical, key_id, read_checkpoints, require_signed
from ops.console import CannotDo, Progress
from ops.stores import open_stores
from ops.system import System
from ops.verify.evidence import all_events, header

type Root = dict[str, Any]
"""`{"position", "link"}`: how far a service's history is signed, and the link there in hex."""

START: Root = {"position": 0, "link": GENESIS.hex()}


def checkpoints_of(system: System) -> list[Checkpoint]:
    """All checkpoints of a system, in order."""
    try:
        return read_checkpoints(system.data / "audit")
    except NotProved as fault:
        raise CannotDo(str(fault)) from None


def make_checkpoint(system: System, until: datetime | None = None) -> Checkpoint:
    """Sign what was recorded until a time (now, if none is given) and write it down.

    Walks the chain from the last checkpoint on, and signs nothing that does not follow from it. Raises `CannotDo` where
    a history was changed, the time is signed already or still to come, or the key is gone.
    """
    stores, earlier = open_stores(system), checkpoints_of(system)
    key, made_at = signing_key(system, may_draw=not earlier), rfc3339(datetime.now(UTC))
    last = _last_statement(earlier, key.public_key())
    end = made_at if until is None else rfc3339(until)
    _require_new_period(last, end, made_at)
    roots = last["services"] if last else {}
    statement = {
        "number": len(earlier) + 1,
        "previous": sha256(canonical(last)).hexdigest() if last else "",
        "from": last["until"] if last else None,
        "until": end,
        "made_at": made_at,
        "key": key_id(key.public_key()),
        "services": {
            service: _root(service, stores[service], roots.get(service, START), end) for service in SERVICES
        },
    }
    checkpoint = {"statement": statement, "signature": b64encode(key.sign(canonical(statement))).decode()}
    _keep(system.folder("audit") / f"{statement['number']:06}.json", checkpoint)
    return checkpoint


def _last_statement(earlier: list[Checkpoint], key: Any) -> dict[str, Any] | None:
    """What was signed last. A series that is not whole is not gone on with."""
    if not earlier:
        return None
    try:
        require_signed(earlier, key)
    except NotProved as fault:
        raise CannotDo(f"the checkpoints there are cannot be gone on with: {fault}") from None
    statement: dict[str, Any] = earlier[-1]["statement"]
    return statement


def _require_new_period(last: dict[str, Any] | None, until: str, now: str) -> None:
    if until > now:
        raise CannotDo(f"{until} is still to come: nobody can sign what has not happened yet")
    if last and until <= last["until"]:
        raise CannotDo(f"checkpoint {last['number']} signed everything until {last['until']} already")


def _root(service: str, store: Store, signed: Root, until: str) -> Root:
    """The last event recorded by then, and its link: made again from the last signed one, event by event."""
    position, before = signed["position"], bytes.fromhex(signed["link"])
    _require_as_signed(service, store, position, before)
    progress = Progress(f"reading {service}", store.last_position())
    for event in all_events(store, after=position):
        if header(event, "ce-time") > until:
            break
        if event.position != position + 1 or event.chain != link(before, event):
            raise CannotDo(
                f"{service} at position {position + 1}: is not what was linked here; nothing was signed."
                " `docs/runbooks/history-diverged.md` says what to do"
            )
        position, before = event.position, event.chain
        progress.reached(position)
    return {"position": position, "link": before.hex()}


def _require_as_signed(service: str, store: Store, position: int, signed: bytes) -> None:
    there = store.events(after=position - 1, limit=1) if position else []
    if position and (not there or there[0].position != position or there[0].chain != signed):
        raise CannotDo(
            f"{service} at position {position}: is not what the last checkpoint signed; nothing was signed now."
            " `docs/runbooks/history-diverged.md` says what to do"
        )


def _keep(path: Path, checkpoint: Checkpoint) -> None:
    """Whole or not at all, and never over another one."""
    arriving = path.with_suffix(".arriving")
    with arriving.open("wb") as file:
        file.write(orjson.dumps(checkpoint, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(arriving)
    except FileExistsError:
        raise CannotDo(f"{path} was just written by somebody else") from None
    finally:
        arriving.unlink()


def readable(checkpoint: Checkpoint) -> str:
    """For people."""
    said = checkpoint["statement"]
    since = said["from"] or "the first event"
    lines = [f"checkpoint {said['number']}: from {since} until {said['until']}, key {said['key']}"]
    lines += [
        f"  {service:<10} {root['position']:>12,}  {root['link']}"
        for service, root in said["services"].items()
    ]
    return "\n".join(lines)
