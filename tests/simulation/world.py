"""The whole system in one process and one thread: five services, their stores, the bus, the outside and the clock.

Everything that may happen to it is a method here; `schedule.py` draws which, from one seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from eventsourcing.persistence import OperationalError

from chassis.catching_up import catch_up
from chassis.event_store import StalePosition
from chassis.items import Asked
from chassis.reactor import Outcome
from chassis.relay import StreamAhead
from contracts.catalogue import STREAMS
from contracts.parking import SERVICES
from tests.simulation.bus import MemoryBus, finished
from tests.simulation.calls import Crash, Key
from tests.simulation.process import Process
from tests.simulation.shop import Outside, Shop
from tests.simulation.store import MemoryStore, Tables, rebuilt

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MUTE_SHARE = 0.3
"""Of the services that are set back: these cannot ask their stream before they begin, and decide on their own."""


@dataclass
class Request:
    """A command that a client repeats until it is answered."""

    service: str
    command: Any
    id: str
    tries: int = 0
    open: bool = True


@dataclass
class World:
    """`faults` is what went wrong that never may; `happened` counts what was done to the system."""

    random: Random
    now: datetime = START
    faults: list[str] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    doom: int = 0
    store_refuses: bool = False
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bus = MemoryBus(self.clock)
        self.outside = Outside(self.random)
        self.shop = Shop(self.outside, self.clock, self.random)
        self.stores = {name: MemoryStore(self.interrupt) for name in SERVICES}
        self.processes: dict[str, Process] = {}
        self.zombies: list[Process] = []
        self.backups: dict[str, Tables] = {}
        self.newest: dict[str, Tables] = {}
        self.stopped: set[str] = set()
        self.mute: set[str] = set()
        for name in SERVICES:
            self.start(name)

    def clock(self) -> datetime:
        """The time, for everybody."""
        return self.now

    def pass_time(self, by: timedelta) -> None:
        """The clock goes on."""
        self.now += by

    def note(self, what: str) -> None:
        """Count something that was done to the system."""
        self.happened[what] = self.happened.get(what, 0) + 1

    def interrupt(self, point: str) -> None:
        """A place where a process may die, or its store may refuse."""
        if self.doom:
            self.doom -= 1
            if not self.doom:
                self.note(f"crash {point}")
                raise Crash(point)
        if self.store_refuses and point == "within_transaction":
            self.store_refuses = False
            self.note("store refused")
            raise OperationalError("disk full")

    def start(self, name: str) -> None:
        """A supervisor starts the service. One that was set back asks its stream first, unless that is away."""
        store = self.stores[name]
        try:
            caught_up = 0 if name in self.mute else self._catch_up(name)
        except StreamAhead as ahead:
            self._stop(name, ahead)
            return
        if caught_up:
            self.note("caught up")
            del self.newest[name]

        def witness(key: Key) -> None:
            if key not in store.ever_asked:
                self.faults.append(f"{name} made the call {key[1]} that no transaction asked for")

        service = self.shop.service(name)
        self.processes[name] = Process(service, store, self.bus, self.clock, self.interrupt, witness)

    def _catch_up(self, name: str) -> int:
        bus: Any = self.bus
        return finished(catch_up(self.shop.service(name), self.stores[name], bus))

    def run(self, process: Process, act: Callable[[], None]) -> None:
        """Let a process do one thing; if it dies of it, it is gone."""
        try:
            act()
        except Crash:
            self.bury(process)
        except OperationalError:
            self.note("transaction tried again")
        except StalePosition:
            self.note("stale process stopped")
            self.bury(process)
        except StreamAhead as ahead:
            self.bury(process)
            self._stop(process.name, ahead)
        finally:
            self.doom, self.store_refuses = 0, False

    def bury(self, process: Process) -> None:
        """The process is gone, and with it all it had in memory."""
        if process in self.zombies:
            self.zombies.remove(process)
        elif self.processes.get(process.name) is process:
            del self.processes[process.name]

    def _stop(self, name: str, reason: StreamAhead) -> None:
        if name in self.newest:
            self.note("diverged service stopped")
            self.stopped.add(name)
        else:
            self.faults.append(f"{name} stopped though its history is the only one: {reason}")

    def take_over(self, name: str) -> None:
        """The process is paused, another one starts on its store; the paused one may wake up."""
        self.note("taken over")
        self.zombies.append(self.processes.pop(name))
        self.start(name)

    def back_up(self, name: str) -> None:
        """Keep the store as it is now."""
        self.backups[name] = self.stores[name].tables

    def restore(self, name: str) -> None:
        """Set one service back to its backup, with its peers ahead. Its clients repeat what they asked for since.

        What was on its way to the stream has arrived by then. Now and then the stream is away when it starts.
        """
        self.note("restored")
        self._end_all(name)
        self.bus.streams[STREAMS[name]].land_all()
        if self.random.random() < MUTE_SHARE:
            self.mute.add(name)
        store = self.stores[name]
        self.newest.setdefault(name, store.tables)
        store.tables = self.backups.pop(name)
        self._ask_again(name)

    def bring_back(self, name: str) -> None:
        """The advice of `StreamAhead`: restore the newer store."""
        self._end_all(name)
        self.stopped.discard(name)
        self.mute.discard(name)
        self.stores[name].tables = self.newest.pop(name)
        self._ask_again(name)

    def _ask_again(self, name: str) -> None:
        for request in self.requests:
            request.open = request.open or request.service == name

    def rebuild(self, name: str) -> None:
        """Make all derived rows of a service anew from its log."""
        self.note("rebuilt")
        self._end_all(name)
        self.stores[name].tables = rebuilt(self.shop.service(name), self.stores[name].tables)

    def _end_all(self, name: str) -> None:
        for process in [p for p in (*self.zombies, *self.processes.values()) if p.name == name]:
            self.bury(process)

    def lose_tail(self, name: str, messages: int) -> None:
        """The bus forgets the end of a service's stream, as after a power cut; everybody connects again."""
        self.note("stream lost its end")
        stream = self.bus.streams[STREAMS[name]]
        del stream.messages[max(0, len(stream.messages) - messages) :]
        for process in (*self.zombies, *self.processes.values()):
            process.reconnect()

    def send(self, request: Request) -> None:
        """A client asks, and waits for the answer; without one it asks again later."""
        process = self.processes.get(request.service)
        if process is None:
            return
        request.tries += 1

        def answered(outcome: Outcome) -> None:
            request.open = outcome.error is not None

        process.ask(Asked(request.command, request.id), answered)
