"""A process that owns a store, for tests to stop: `python -m tests.chassis.holder_process orders idle|busy`.

Says `owned` when it does. `busy` keeps its event loop from running at all, as a big rebuild would; `idle` waits until
the lock is lost, and ends with the reason.
"""

from __future__ import annotations

import asyncio
import sys

from chassis.event_store import StalePosition
from chassis.ownership import own
from chassis.settings import system


async def hold(service: str, way: str) -> None:
    """For ever, or until it is lost."""
    owned = await own(service, system())
    print("owned", flush=True)
    while way == "busy":
        sum(range(1_000_000))
    await owned.lost()


if __name__ == "__main__":
    try:
        asyncio.run(hold(*sys.argv[1:]))
    except StalePosition as stale:
        sys.exit(str(stale))
