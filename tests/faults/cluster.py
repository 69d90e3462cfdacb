"""Three nats-servers that are one JetStream cluster, each a process of its own; every road between two is a proxy.

So a node can be killed or paused, and any two can be cut off from each other, in one direction or both.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from chassis.bus import AWAY, Bus
from contracts.catalogue import STREAMS
from tests.conftest import eventually, free_port, until
from tests.faults.tcp_proxy import CUT_OFF, FAIR, Proxy, Way, Weather, proxy_before
from tests.ops.running import REPOSITORY

NAMES = ("north", "east", "south")
COPIES = len(NAMES)
USABLE_WITHIN_SECONDS = 60.0
CONFIG = """
server_name: {name}
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
max_payload: 2MB
jetstream {{ store_dir: "{folder}/js", sync_interval: always, max_file_store: 2TB, max_memory_store: 256MB }}
feature_flags {{ js_ack_fc_v2: false }}
cluster {{
    name: doorstep
    listen: "127.0.0.1:{route_port}"
    # Where nobody listens: another node is found by the roads below or not at all.
    advertise: "127.0.0.1:1"
    pool_size: -1
    routes: [{routes}]
}}
"""


@dataclass
class Node:
    """One server of the cluster."""

    name: str
    folder: Path
    port: int
    monitor: int
    route_port: int
    roads: dict[str, Proxy] = field(default_factory=dict)
    """By the name of the node it leads to: every byte to and from there that this node's own connection carries."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it on its files, whatever it was doing before."""
        binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        assert binary, "nats-server is missing: run `make install`"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nats.conf"
        routes = ", ".join(f'"{road.url}"' for road in self.roads.values())
        config.write_text(CONFIG.format(**vars(self), routes=routes))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([binary, "-c", str(config)], stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        assert self.process is not None
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL

    def lose_its_disk(self) -> None:
        """Nothing is left of what it stored; its name stays."""
        shutil.rmtree(self.folder / "js")

    def pause(self) -> None:
        """SIGSTOP: its connections stand, and it says nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        eventually(self._is_stopped, 5.0, f"{self.name} is stopped", every=0.01)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _is_stopped(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@dataclass
class Cluster:
    """All of them."""

    nodes: dict[str, Node]

    def start(self) -> None:
        for node in self.nodes.values():
            node.start()

    def bootstrap(self) -> None:
        """Streams with a copy on every node, as production has them; by the command that production runs, once."""
        anywhere = next(iter(self.nodes.values()))
        done = self.bootstrapping(anywhere)
        _, said = done.communicate(timeout=3 * USABLE_WITHIN_SECONDS)
        assert done.returncode == 0, said

    def bootstrapping(self, at: Node) -> subprocess.Popen[str]:
        """The command, under way at one of the nodes."""
        command = [sys.executable, "-m", "chassis.bootstrap", "--replicas", str(COPIES)]
        environment = os.environ | {"DOORSTEP_NATS_URL": at.url}
        return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True)

    # --- roads

    def roads(self, one: str, other: str) -> Iterator[tuple[Proxy, Way]]:
        """What carries bytes from one node to another, whoever of the two connected."""
        yield self.nodes[one].roads[other], Way.THERE
        yield self.nodes[other].roads[one], Way.BACK

    def silence(self, one: str, other: str) -> None:
        """Nothing said by one arrives at the other; in the other direction everything does."""
        for road, way in self.roads(one, other):
            road.let(Weather(silent=frozenset({way})))

    def part(self, one: str, other: str) -> None:
        """They do not hear each other."""
        for road, _ in self.roads(one, other):
            road.let(CUT_OFF)

    def isolate(self, name: str) -> None:
        """This one alone, the others together."""
        for other in self.nodes.keys() - {name}:
            self.part(name, other)

    def heal(self) -> None:
        """All roads are open."""
        for node in self.nodes.values():
            for road in node.roads.values():
                road.let(FAIR)

    def held(self) -> int:
        """Pieces that ran into a silence so far."""
        roads = (road for node in self.nodes.values() for road in node.roads.values())
        return sum(road.seen.held_pieces.total() for road in roads)

    # --- asking

    async def jsz(self, node: Node) -> dict[str, Any]:
        """What a node's monitor says about its streams; empty while it does not answer."""
        url = f"http://127.0.0.1:{node.monitor}/jsz?streams=true"
        try:
            timeout = aiohttp.ClientTimeout(total=1)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
                said: dict[str, Any] = await answer.json()
                return said
        except (aiohttp.ClientError, TimeoutError, OSError):
            return {}

    async def groups(self, node: Node) -> dict[str, dict[str, Any]]:
        """Each stream's group as a node sees it: its leader, and the copies with how current they are."""
        said = await self.jsz(node)
        streams = [
            each for account in said.get("account_details", ()) for each in account.get("stream_detail", ())
        ]
        return {each["name"]: each.get("cluster", {}) for each in streams}

    async def messages(self, name: str) -> dict[str, int]:
        """How many each stream has on a node."""
        said = await self.jsz(self.nodes[name])
        streams = (each for account in said["account_details"] for each in account["stream_detail"])
        return {each["name"]: each["state"]["messages"] for each in streams}

    async def leaders(self, among: Iterable[str] = NAMES) -> dict[str, str]:
        """Each stream's leader, as the leader itself says: a node that lost its group says so only when it knows."""
        found = {}
        for name in among:
            for stream, group in (await self.groups(self.nodes[name])).items():
                if group.get("leader") == name:
                    found[stream] = name
        return found

    async def until_led(self, among: Iterable[str] = NAMES) -> dict[str, str]:
        """Every stream's leader, once each has one among these nodes."""
        names = tuple(among)

        async def all_led() -> dict[str, str] | None:
            found = await self.leaders(names)
            return found if found.keys() >= set(STREAMS.values()) else None

        led: dict[str, str] = await until(all_led, USABLE_WITHIN_SECONDS, every=0.1)
        return led

    async def until_current(self) -> None:
        """Every stream has a leader, and all copies of it are there and up to date."""

        async def current() -> bool:
            led = await self.leaders()
            if led.keys() < set(STREAMS.values()):
                return False
            seen = {name: await self.groups(self.nodes[name]) for name in set(led.values())}
            return all(_is_whole(seen[leader][stream]) for stream, leader in led.items())

        await until(current, USABLE_WITHIN_SECONDS, every=0.2)


def _is_whole(group: dict[str, Any]) -> bool:
    copies = group.get("replicas") or ()
    return len(copies) == COPIES - 1 and all(
        copy.get("current") and not copy.get("offline") for copy in copies
    )


async def is_refused(bus: Bus, subject: str, within_seconds: float) -> bool:
    """Whether a message that is published here is not acknowledged within so many seconds."""
    try:
        async with asyncio.timeout(within_seconds):
            await bus.publish(subject, b"from the wrong side", message_id=f"refused {subject}")
    except AWAY:
        return True
    return False


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Three nodes with their streams, gone afterwards."""
    with empty_cluster(folder) as cluster:
        cluster.start()
        cluster.bootstrap()
        yield cluster


@contextmanager
def empty_cluster(folder: Path) -> Iterator[Cluster]:
    """Three nodes that know each other and are not started; none is left running afterwards."""
    nodes = {name: Node(name, folder / name, free_port(), free_port(), free_port()) for name in NAMES}
    with ExitStack() as stack:
        for node in nodes.values():
            for other in nodes.values():
                if other is not node:
                    node.roads[other.name] = stack.enter_context(proxy_before(other.route_port))
        cluster = Cluster(nodes)
        try:
            yield cluster
        finally:
            for node in nodes.values():
                if node.process is not None and node.process.poll() is None:
                    node.resume()
                    node.kill()
