"""F3, F4, F5: a cluster of three loses a leader, all of its nodes, or gets no answer from one: orders go on coming.

The bus of production: three nodes, each stream with a copy on every one of them, each acknowledgement on disk.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from random import Random

import pytest

from contracts.catalogue import STREAMS
from tests.faults.cluster import NAMES, Cluster, running_cluster
from tests.faults.sales import Sale
from tests.faults.siege import Siege
from tests.faults.trouble import (
    RETRIES_PER_SECOND_MAX,
    SEED,
    Watch,
    last,
    settle_and_judge,
    shop_on,
    siege_of,
    trading,
)
from tests.story.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

STALL_SECONDS_MAX = 15.0
ROUNDS = int(os.environ.get("FAULTS_CLUSTER_ROUNDS", "1"))
"""How often each fault happens; a longer siege wants more."""
PAUSE_SECONDS = (4.0, 8.0)
ALL = set(STREAMS.values())

type Note = Callable[[str, object], None]


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
