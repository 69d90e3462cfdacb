"""A whole system as a machine has it, on disks of our choosing: started, cut off from its power, started again.

What belongs to the outside (the gateway's and the carrier's logs, the mails that have left) is not on those disks.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import children
from ops.running import nats_memory
from tests.conftest import eventually, until
from tests.faults.lossy_files import LossyDisk, lossy_disk
from tests.faults.sales import STOCK
from tests.faults.siege import BACK_WITHIN_SECONDS, BUS, Siege
from tests.faults.trouble import SETTINGS
from tests.ops.running import Up, ten_free_ports
from tests.story.shop import Shop

DEAD_WITHIN_SECONDS = 20.0
BUS_FILES = "nats/jetstream"
"""Without its configuration, which the supervisor writes before it starts the bus for the first time."""
DISKS = {"sqlite": (BUS_FILES, "stores"), "postgres": (BUS_FILES, "postgres")}
"""The folders that hold history, by the kind of store."""


@dataclass
class Machine:
    """A shop, the disks that its history is on by folder, and the plug."""

    shop: Shop
    disks: dict[str, LossyDisk] = field(default_factory=dict)

    def cut_power(self, torn_by: int | None = None) -> int:
        """Everything ends at this moment: memory is empty, disks forget what was not synced. Returns how much."""
        self.kill()
        self.empty_memory()
        return sum(disk.power_cut(torn_by) for disk in self.disks.values())

    def empty_memory(self) -> None:
        """What lies in memory is gone; links that lead there are not."""
        shutil.rmtree(nats_memory._folder(self.shop.up.data / "nats"), ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL to every process, and wait until none is left."""
        up = self.shop.up.process
        assert up is not None
        doomed = [up.pid, *descendants(up.pid)]
        os.kill(up.pid, signal.SIGSTOP)  # it would start again what dies
        for pid in reversed([*doomed, *descendants(up.pid)]):
            end(pid)
        up.wait(DEAD_WITHIN_SECONDS)
        eventually(lambda: not any(map(is_alive, doomed)), DEAD_WITHIN_SECONDS, "every process is dead")

    def pids(self) -> set[int]:
        """Every process of the system."""
        up = self.shop.up.process
        assert up is not None
        return {up.pid, *descendants(up.pid)}


@contextmanager
def machine(folder: Path, store: str = "sqlite", *lossy: str, **environment: str) -> Iterator[Machine]:
    """A system in a folder, with stock to sell. `lossy` are the parts of its data that are on a disk that forgets."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "var"
    up = Up(data, ten_free_ports(), ("--autopilot", "--store", store), environment=SETTINGS | environment)
    with ExitStack() as stack:
        disks = {part: stack.enter_context(lossy_disk(data / part)) for part in lossy}
        found = Machine(Shop(up), disks)
        try:
            up.start()
            found.shop.shelve(**STOCK)
            yield found
            assert up.stop() == 0, up.errors()
        finally:
            if up.process is not None and up.process.poll() is None:
                found.kill()
            nats_memory.forget(data / "nats")


@asynccontextmanager
async def stopped_bus(machine: Machine, siege: Siege) -> AsyncIterator[None]:
    """The bus is killed, and started again afterwards. The supervisor is held meanwhile: it would not wait."""
    process, bus = machine.shop.up.process, siege.pids()[BUS]
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        end(bus)
        await until(lambda: not is_alive(bus))
        yield
    finally:
        process.send_signal(signal.SIGCONT)
    await until(lambda: siege.pids().get(BUS, bus) != bus, BACK_WITHIN_SECONDS)


def descendants(pid: int) -> list[int]:
    """Children, and theirs."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


def end(pid: int) -> None:
    """SIGKILL, to whoever is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Whether it runs; one that has ended and was not buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
