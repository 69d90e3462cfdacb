"""I11: a service's state is what its events make of it, byte for byte. Here the services' own tables run.

It needs nothing of what the other auditors find: over many events it is judged in a process beside theirs.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from chassis.declare import Service
from chassis.event_store import UNREADABLE, Store
from ops.console import CannotDo, say_json
from ops.history.replay import declared, replay
from ops.stores import open_stores
from ops.system import System, find
from ops.verify.evidence import Evidence
from ops.verify.verdict import Tally, Verdict

BESIDE_FROM = 50_000
"""Events: fewer are replayed sooner than another process has started."""


def judge_rebuilds(stores: Mapping[str, Store], table_of: Callable[[str], Service]) -> Verdict:
    """Replay every service within its snapshot."""
    tally = Tally("I11")
    for service, store in stores.items():
        tally.checked += 1
        try:
            outcome = replay(table_of(service), store, store)
        except CannotDo as reason:
            tally.fault(service, str(reason))
            continue
        if not outcome.equal:
            tally.fault(service, outcome.difference)
    return tally.verdict()


@asynccontextmanager
async def rebuilding(system: System, evidence: Evidence) -> AsyncIterator[Callable[[], Awaitable[Verdict]]]:
    """Yields how to get the verdict, which is worked out while the block does something else if there is much to do.

    Getting it raises `CannotDo` where a store cannot be read.
    """
    if sum(evidence.lasts.values()) < BESIDE_FROM:
        yield partial(_judged_here, evidence)
        return
    command = (sys.executable, "-m", "ops.verify.rebuilds", str(system.data))
    beside = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield partial(_said_by, beside)
    finally:
        if beside.returncode is None:
            beside.kill()
            await beside.wait()


async def _judged_here(evidence: Evidence) -> Verdict:
    return judge_rebuilds(evidence.stores, declared)


async def _said_by(beside: asyncio.subprocess.Process) -> Verdict:
    said, _ = await beside.communicate()
    if beside.returncode:
        raise CannotDo(
            f"the replays ended with {beside.returncode}: run it again, with more memory if it was killed"
        )
    found = json.loads(said)
    if "cannot" in found:
        raise CannotDo(found["cannot"])
    return Verdict(**found)


def judge_system(system: System) -> Verdict:
    """The same of a system's stores as they are now. Raises `CannotDo`, and what `UNREADABLE` names."""
    live = open_stores(system)
    with ExitStack() as snapshots:
        stores = {name: snapshots.enter_context(store.snapshot()) for name, store in live.items()}
        return judge_rebuilds(stores, declared)


def main(data: Path) -> None:
    """The process beside: says the verdict as JSON, or what it cannot do. Whoever started it also ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        say_json(judge_system(find(data)).as_json())
    except (CannotDo, *UNREADABLE) as reason:
        say_json({"cannot": str(reason)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
