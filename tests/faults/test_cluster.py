"""F3, F4, F5, F9: a cluster of three loses a leader, all of its nodes, gets no answer from one, or falls apart.

The bus of production: three nodes, each stream with a copy on every one of them, each acknowledgement on disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from urllib.request import urlopen

import pytest
from nats.js import api

from chassis.bus import Bus, connect
from contracts.catalogue import STREAMS
from contracts.services import SERVICES
from tests.conftest import until
from tests.faults.cluster import COPIES, NAMES, Cluster, is_refused, running_cluster
from tests.faults.judgement import settle_and_judge
from tests.faults.sales import Sale, one_of_each
from tests.faults.siege import Siege
from tests.faults.trouble import (
    RETRIES_PER_SECOND_MAX,
    SEED,
    Note,
    Watch,
    last,
    shop_on,
    siege_of,
    trading,
)
from tests.ops.running import Up
from tests.story.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

STALL_SECONDS_MAX = 15.0
ROUNDS = int(os.environ.get("FAULTS_CLUSTER_ROUNDS", "1"))
"""How often each fault happens; a longer siege wants more."""
PAUSE_SECONDS = (4.0, 8.0)
ALL = set(STREAMS.values())
HELD_WITHIN_SECONDS = 30.0
REFUSED_WITHIN_SECONDS = 3.0
ASKED_SECONDS = 10.0
TOLD_WITHIN_SECONDS = 60.0
PROBE = "PROBE"
"""A stream of the test's own, with a copy on every node: what is tried there is no order of anybody."""


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Shop]]:
    """A cluster, and a shop on it."""
    folder = tmp_path_factory.mktemp("cluster")
    with running_cluster(folder) as cluster, shop_on(folder / "shop", cluster.nodes["north"].url) as shop:
        yield cluster, shop


@pytest.fixture
def cluster(clustered: tuple[Cluster, Shop]) -> Cluster:
    return clustered[0]


@pytest.fixture
async def siege(clustered: tuple[Cluster, Shop]) -> AsyncIterator[Siege]:
    async with siege_of(clustered[1]) as attacker:
        await clustered[0].until_current()
        yield attacker


@pytest.fixture(scope="module")
def sold() -> list[Sale]:
    """Every order of this shop so far: each test judges all of them."""
    return []


async def test_nodes_are_cut_off_from_each_other(
    cluster: Cluster, siege: Siege, sold: list[Sale], record_property: Note
) -> None:
    """Minority, majority, one way only, and a bridge: the smaller side refuses, the larger goes on within 15 s.

    The first of them, as all services are connected to the first node until that is killed.
    """
    kept = one_of_each(Random(SEED), 900_000)[0]
    sold.append(kept)
    home, *others = NAMES
    async with trading(siege, sold, Random(SEED + 999)) as watch:
        await _without_a_distant_node(cluster, siege, others)
        async with _parted(cluster, siege):
            cluster.silence(others[0], home)
            cluster.silence(others[0], others[1])
            await cluster.until_led((home, others[1]))
        async with _parted(cluster, siege):
            cluster.part(*others)
            await siege.until_taken(1)
        stalled = watch.stall_seconds
        watch.is_trading = False
        async with _parted(cluster, siege):
            cluster.isolate(home)
            assert await siege.is_turned_away(kept.deliveries[0])
        await siege.deliver([kept])
    said = f"one of three alone, one not heard, a bridge, the services' own node alone; worst stall {stalled:.1f} s"
    print(said)
    record_property("tried", f"{said}, seed {SEED}")
    assert stalled <= STALL_SECONDS_MAX, watch
    await settle_and_judge(siege, sold)


async def test_the_leader_of_every_stream_is_killed(
    cluster: Cluster, siege: Siege, sold: list[Sale], record_property: Note
) -> None:
    """F3: the node that leads most goes first, until each stream has lost its leader; others take over each time."""
    lost: Counter[str] = Counter()
    kills = 0
    async with trading(siege, sold, Random(SEED)) as watch:
        while ALL - {stream for stream, times in lost.items() if times >= ROUNDS}:
            led = await cluster.until_led()
            victim = _leads_most(led, lost)
            cluster.nodes[victim].kill()
            kills += 1
            now_led = await cluster.until_led(set(NAMES) - {victim})
            changed = {stream for stream, leader in led.items() if leader == victim != now_led[stream]}
            assert changed, "a leader was killed, so another one leads"
            lost.update(changed)
            await siege.until_taken(1)
            cluster.nodes[victim].start()
            await cluster.until_current()
    _tell(watch, f"{kills} leaders of {lost.total()} stream groups killed", record_property)
    await settle_and_judge(siege, sold)


async def test_all_nodes_are_killed_at_once(
    cluster: Cluster, siege: Siege, sold: list[Sale], record_property: Note
) -> None:
    """F4: nothing that was acknowledged was only in memory, and nobody has to help afterwards."""
    random = Random(SEED + 4)
    async with trading(siege, sold, random) as watch:
        for _ in range(ROUNDS):
            await siege.until_taken(random.randint(1, 10))
            before = {node.pid for node in cluster.nodes.values()}
            for node in cluster.nodes.values():
                node.kill()
            cluster.start()
            assert not before & {node.pid for node in cluster.nodes.values()}
            await siege.until_taken(1)
            await cluster.until_current()
    _tell(watch, f"all three nodes killed at once {ROUNDS} times", record_property)
    await settle_and_judge(siege, sold)


async def test_a_leader_that_stops_answering_and_comes_back(
    cluster: Cluster, siege: Siege, sold: list[Sale], record_property: Note
) -> None:
    """F5: SIGSTOP leaves every connection standing; when it wakes up it must not believe that it still leads."""
    random = Random(SEED + 5)
    paused = []
    async with trading(siege, sold, random) as watch:
        for _ in range(2 * ROUNDS):
            victim = _leads_most(await cluster.until_led(), Counter())
            paused.append(round(random.uniform(*PAUSE_SECONDS), 1))
            cluster.nodes[victim].pause()
            try:
                await last(paused[-1])
            finally:
                cluster.nodes[victim].resume()
            await siege.until_taken(1)
            await cluster.until_current()
    assert max(watch.stalls_seconds.values()) > 1.0, "somebody had to wait for the one that slept"
    _tell(watch, f"leader stopped for {paused} s", record_property)
    await settle_and_judge(siege, sold)


async def test_a_node_that_lost_its_disk_takes_everything_from_the_others(
    cluster: Cluster, siege: Siege, sold: list[Sale], record_property: Note
) -> None:
    """One that leads few streams, then the one that leads most: it comes back empty, under its old name."""
    leader = _leads_most(await cluster.until_led(), Counter())
    follower, other = sorted(set(NAMES) - {leader})
    async with trading(siege, sold, Random(SEED + 6)) as watch:
        for victim in (follower, leader):
            cluster.nodes[victim].kill()
            cluster.nodes[victim].lose_its_disk()
            await siege.until_taken(1)
            cluster.nodes[victim].start()
            await cluster.until_current()
    _tell(watch, "two disks lost, one after the other", record_property)
    await settle_and_judge(siege, sold)
    for name in (follower, leader):
        assert await cluster.messages(name) == await cluster.messages(other)


async def test_a_server_that_is_away_is_told_before_another_fails(cluster: Cluster, siege: Siege) -> None:
    """Nothing stands still, so that nobody would notice: figures and doctor name it until it is back."""
    up = siege.shop.up
    lonely = next(name for name in NAMES if cluster.nodes[name].url != up.said["nats"])
    await until(lambda: _is_told(up, None), TOLD_WITHIN_SECONDS, every=1.0)
    cluster.nodes[lonely].kill()
    try:
        await until(lambda: _is_told(up, lonely), TOLD_WITHIN_SECONDS, every=1.0)
    finally:
        cluster.nodes[lonely].start()
    await until(lambda: _is_told(up, None), TOLD_WITHIN_SECONDS, every=1.0)


async def _is_told(up: Up, away: str | None) -> bool:
    """Whether every service counts one of its stream's copies away, and the doctor names the server; or nobody does."""
    counted = [await asyncio.to_thread(_figure, service["url"]) for service in up.said["services"].values()]
    if set(counted) != {float(away is not None)}:
        return False
    said = json.loads((await asyncio.to_thread(up.run, "doctor", "--json")).stdout)
    named = [each["what"] for each in said["complaints"] if each["part"] == "nats"]
    if away is None:
        return named == []
    streams = ", ".join(sorted(STREAMS[name] for name in SERVICES))
    return named == [f"its server {away} is away or behind, and with it a copy of {streams}"]


def _figure(service: str) -> float | None:
    """None where NATS could not be asked just then."""
    with urlopen(f"{service}/metrics", timeout=10) as answer:
        told = re.search(r"^doorstep_stream_copies_away\{.*\} (.+)$", answer.read().decode(), re.MULTILINE)
    return float(told[1]) if told else None


async def _without_a_distant_node(cluster: Cluster, siege: Siege, others: list[str]) -> None:
    """A node that none of our services is connected to, alone: it stores nothing for anybody, the majority goes on."""
    lonely = max(others, key=list((await cluster.until_led()).values()).count)
    majority = set(NAMES) - {lonely}
    async with connect(cluster.nodes[lonely].url, "probe") as alone:
        await _make_probe(alone)
        async with _parted(cluster, siege):
            cluster.isolate(lonely)
            assert await is_refused(alone, PROBE, REFUSED_WITHIN_SECONDS)
            await cluster.until_led(majority)
            await siege.until_taken(1)
        await until(lambda: _is_stored(alone), HELD_WITHIN_SECONDS)
        messages, _, _ = await alone.stream_info(PROBE)
        assert messages == 1, "tried twice, stored once"
        await alone.jetstream.delete_stream(PROBE)


@asynccontextmanager
async def _parted(cluster: Cluster, siege: Siege) -> AsyncIterator[None]:
    """Roads are closed during the block, and somebody ran into that; afterwards all is as before."""
    held = cluster.held()
    try:
        yield
        await until(lambda: cluster.held() > held, HELD_WITHIN_SECONDS)
    finally:
        cluster.heal()
    await siege.until_taken(1)
    await cluster.until_current()


async def _make_probe(bus: Bus) -> None:
    """The test's own stream."""
    await bus.jetstream.add_stream(
        api.StreamConfig(name=PROBE, subjects=[PROBE], num_replicas=COPIES, storage=api.StorageType.FILE)
    )


async def _is_stored(bus: Bus) -> bool:
    """The same message again, by its id: stored now, whether or not it was already."""
    return not await is_refused(bus, PROBE, ASKED_SECONDS)


def _leads_most(led: dict[str, str], lost: Counter[str]) -> str:
    """The node that leads the most groups, of those that lost their leader least often."""
    least = min(lost[stream] for stream in ALL)
    return Counter(led[stream] for stream in ALL if lost[stream] == least).most_common(1)[0][0]


def _tell(watch: Watch, what: str, record_property: Note) -> None:
    said = f"{what}, worst stall {watch.stall_seconds:.1f} s, at most {watch.retries_per_second} retries/s, seed {SEED}"
    print(said)
    record_property("tried", said)
    assert watch.stall_seconds <= STALL_SECONDS_MAX, watch
    assert watch.retries_per_second < RETRIES_PER_SECOND_MAX, watch
