"""The bootstrap on a cluster that is not whole, and on one server that will never be one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chassis.bootstrap import bootstrap, patiently
from chassis.bus import BusAway, connect
from tests.conftest import NatsServer
from tests.faults.cluster import COPIES, NAMES, empty_cluster


async def test_copies_that_can_never_be_are_not_waited_for(nats_server: NatsServer) -> None:
    """One server keeps no three copies, however long somebody waits: the job ends with what the server said."""
    async with asyncio.timeout(10), connect(nats_server.url, "bootstrap") as bus:
        with pytest.raises(BusAway, match="non-clustered"):
            await patiently(lambda: bootstrap(bus, replicas=COPIES))


@pytest.mark.long
async def test_it_waits_for_a_server_that_comes_late(tmp_path: Path) -> None:
    """In a new cluster servers come when they come; to end and be started again would cost ten seconds and more."""
    with empty_cluster(tmp_path) as cluster:
        north, east, late = (cluster.nodes[name] for name in NAMES)
        for early in (north, east):
            del early.roads[late.name]
            early.start()
        job = cluster.bootstrapping(north)
        assert job.stderr is not None
        while "no suitable peers" not in (line := await asyncio.to_thread(job.stderr.readline)):
            assert line.startswith("waiting: "), line
        late.start()
        assert await asyncio.to_thread(job.wait, 60) == 0
        await cluster.until_current()
