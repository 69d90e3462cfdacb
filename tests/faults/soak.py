"""`make soak MINUTES=60`: a shop is sold from and broken for an hour, then asked whether everything adds up.

    python -m tests.faults.soak --minutes 60 --seed 7 [--bus one|cluster]

Real processes under the supervisor: services, sandboxes and nats-servers are killed and paused by seeded schedules
while unique orders come in. At the end it heals and drains, and everything is judged: by a model of its own that knows
which endings each order may have, by the logs of the outside, and by the invariants I1-I13. Exit code 1 if something
does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from tests.faults.attackers import Attacker, Ledger, OnCluster, OnOneBus, OnServices, go_on, go_on_ordering
from tests.faults.cluster import Cluster, running_cluster
from tests.faults.judgement import judge
from tests.faults.machine import Machine, machine
from tests.faults.siege import Siege
from tests.faults.trouble import siege_of
from tests.record import Trial, add, commit, now

ORDERS_PER_SECOND = 7.0
BETWEEN_SERVICES_SECONDS = (0.5, 4.0)
BETWEEN_NATS_SECONDS = (2.0, 10.0)
VERIFIED_WITHIN_SECONDS = 900
INVARIANTS = 13
NAME = "tests/faults/soak.py::a_long_soak"


class Soak:
    """One of them."""

    def __init__(self, shop: Machine, cluster: Cluster | None, seed: str) -> None:
        self.machine, self.cluster, self.seed = shop, cluster, seed
        self.ledger = Ledger()
        self.wrong: list[str] = []
        """What does not hold."""

    async def run(self, seconds: float) -> None:
        """Break it for so long, let it heal, judge it."""
        async with siege_of(self.machine.shop) as siege:
            await self._break(siege, time.monotonic() + seconds)
            await siege.until_ready()
            await siege.drain()
            try:
                await judge(siege, self.ledger.sold)
            except AssertionError as broken:
                self.wrong.append(f"judgement: {broken}")
        self.wrong += await asyncio.to_thread(self._verdicts)

    async def _break(self, siege: Siege, ends_at: float) -> None:
        """The customers stay until the last attack is over: that orders are taken again is how it ends."""
        over = asyncio.Event()
        on_bus: Attacker = OnCluster(siege, self.cluster) if self.cluster else OnOneBus(siege)
        lanes = {on_bus: BETWEEN_NATS_SECONDS, OnServices(siege): BETWEEN_SERVICES_SECONDS}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(go_on_ordering(siege, Random(self.seed), ORDERS_PER_SECOND, over, self.ledger))
            attacks = (
                go_on(
                    attacker, pauses, Random(f"{self.seed} {type(attacker).__name__}"), ends_at, self.ledger
                )
                for attacker, pauses in lanes.items()
            )
            await asyncio.gather(*attacks)
            over.set()

    def _verdicts(self) -> list[str]:
        """What `doorstep verify` says does not hold."""
        said = self.machine.shop.up.run("verify", "--json", timeout=VERIFIED_WITHIN_SECONDS)
        invariants = json.loads(said.stdout or "{}").get("invariants", [])
        if len(invariants) != INVARIANTS:
            return [f"verify said of {len(invariants)} invariants only: {said.stderr}"]
        return [f"{each['id']}: {each['detail']}" for each in invariants if not each["holds"]]

    def table(self) -> str:
        """What was done and what came of it, for a person."""
        rows = [("orders", str(len(self.ledger.sold))), *self._rows_of_faults()]
        rows.append(
            ("invariants I1-I13, and the judgement of each order", "hold" if not self.wrong else "BROKEN")
        )
        width = max(len(name) for name, _ in rows)
        return "\n".join([f"{name:<{width}}  {value}" for name, value in rows] + self.wrong)

    def summary(self) -> str:
        """The same in one line."""
        done = (f"{kind} {n} times" for kind, n in self.ledger.faults.items())
        return ", ".join((f"{len(self.ledger.sold)} orders", *done, f"seed {self.seed}"))

    def _rows_of_faults(self) -> list[tuple[str, str]]:
        longest = self.ledger.longest_seconds
        return [
            (kind, f"{n} (well again after {longest[kind]:.1f} s at most)")
            for kind, n in self.ledger.faults.items()
        ]


@contextmanager
def a_folder() -> Iterator[Path]:
    """Kept, with every log in it, if the soak breaks off."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep-soak-"))
    try:
        yield folder
    except BaseException:
        print(f"its files are in {folder}", flush=True)
        raise
    shutil.rmtree(folder)


@contextmanager
def a_shop(folder: Path, bus: str) -> Iterator[tuple[Machine, Cluster | None]]:
    """A shop on the bus that was asked for."""
    with ExitStack() as stack:
        if bus == "one":
            yield stack.enter_context(machine(folder / "shop")), None
            return
        cluster = stack.enter_context(running_cluster(folder / "cluster"))
        url = cluster.nodes["north"].url
        yield stack.enter_context(machine(folder / "shop", DOORSTEP_NATS_URL=url)), cluster


def main(arguments: Sequence[str]) -> int:
    """0 if everything holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", default="20261122")
    parser.add_argument("--bus", choices=("cluster", "one"), default="cluster")
    parser.add_argument("--record", type=Path, help="add what was done to this file, for docs/promises.md")
    asked = parser.parse_args(arguments)
    print(f"{asked.minutes:g} minutes, seed {asked.seed}, bus: {asked.bus}", flush=True)
    with a_folder() as folder, a_shop(folder, asked.bus) as (shop, cluster):
        soak, run, began = Soak(shop, cluster, asked.seed), now(), time.monotonic()
        asyncio.run(soak.run(asked.minutes * 60))
        print(soak.table(), flush=True)
        if asked.record:
            seconds = round(time.monotonic() - began, 2)
            add(asked.record, [Trial(NAME, not soak.wrong, seconds, run, commit(), (soak.summary(),))])
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
