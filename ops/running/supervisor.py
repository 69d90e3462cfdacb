"""The running system: which processes, in which order they start, when all are ready, how they stop."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contracts.parking import SERVICES
from ops.asking import Services
from ops.console import CannotDo, note
from ops.copies.channels import first_waiting, read_by_orders
from ops.copies.channels_back import put_back_waiting
from ops.kept import Kept
from ops.running.nats_memory import deliver_from_memory, forget, is_lost, stage_in_memory
from ops.running.nats_server import nats_part, wait_until_healthy
from ops.running.postgres_server import postgres_part, wait_until_accepting
from ops.running.processes import Keeper, Part
from ops.stores import kept_in, path_of
from ops.system import System

READY_WITHIN_SECONDS = 60.0
READY_LOOK_SECONDS = 0.05
SAY_EVERY_SECONDS = 5.0
WATCH_EVERY_SECONDS = 10.0
RANKS = {"orders": 3, "inventory": 5, "shipping": 5, "billing": 5, "notify": 15}
"""Who gives way when processors are short. The bus goes first, then what a channel waits for; a mail can wait longer
than a parcel."""
PATIENCE_SECONDS = {"services": 14.0, "sandboxes": 2.0, "nats": 3.0, "postgres": 4.0}
"""How long each may take to end after SIGTERM; together under the 20 s that Ctrl-C may take."""

SANDBOXES = {
    "gateway": "services.billing.gateways.sandbox",
    "carrier": "services.shipping.carriers.sandbox",
}


@dataclass(slots=True)
class Supervisor:
    """Starts the parts of a system, keeps them alive, and stops them so that each can finish first."""

    system: System
    environment: Mapping[str, str]
    own_nats: bool = True
    postgres: Keeper | None = None
    nats: Keeper | None = None
    sandboxes: dict[str, Keeper] = field(default_factory=dict)
    services: dict[str, Keeper] = field(default_factory=dict)

    async def start(self) -> None:
        """Database, bus, streams, sandboxes, services. Returns once all are started, ready or not."""
        await self.start_database()
        await self.start_bus()
        if restored := await put_back_waiting(self.system):
            note(f"{restored:,} channel messages of the backup are back")
        for name, module in SANDBOXES.items():
            self.sandboxes[name] = await self._keep(self._sandbox(name, module))
        for name in SERVICES:
            self.services[name] = await self._keep(self._part(name, f"services.{name}"), probation=True)

    async def start_database(self) -> None:
        """PostgreSQL, if the stores are in one of our own; and the schemas, wherever they are."""
        kept = kept_in(self.system)
        if kept is Kept.POSTGRES:
            part = postgres_part(self.system)
            self.postgres = await self._keep(part)
            await wait_until_accepting(self.system.data / "postgres", part.log)
        if kept is not Kept.SQLITE:
            await self._carry_out("the database could not be set up", "chassis.migrate")

    async def start_bus(self) -> None:
        """nats-server, healthy, with its streams and consumers in place."""
        if self.own_nats:
            await self.start_nats()
        await self._bootstrap()
        if self.own_nats:
            deliver_from_memory(self._nats_folder)
            stage_in_memory(self._nats_folder)

    async def start_nats(self) -> None:
        """nats-server, healthy, with the streams that it has."""
        part = nats_part(self.system)
        forget(self._nats_folder)
        self.nats = await self._keep(part)
        await wait_until_healthy(self.system, part.log)

    async def until_ready(self) -> None:
        """Return when every service says it is ready. Raises `CannotDo` for one that does not even answer in time,
        or ends by itself before it was ever ready, again and again: with the last line of its log.

        One that answers is waited for as long as it takes: it may have much to catch up with.
        """
        started, said = time.monotonic(), 0.0
        async with Services(self.system, answer_within_seconds=2.0) as services:
            while missing := {name: why for name in SERVICES if (why := await self._lacks(services, name))}:
                waited = time.monotonic() - started
                if waited > READY_WITHIN_SECONDS:
                    await self._require_life(services, missing)
                if waited > said + SAY_EVERY_SECONDS:
                    for why in missing.values():
                        note(f"waiting: {why}")
                    said = waited
                await asyncio.sleep(READY_LOOK_SECONDS)

    async def _lacks(self, services: Services, name: str) -> str:
        """Why it is not ready, if it is not."""
        keeper = self.services[name]
        if keeper.given_up:
            raise CannotDo(keeper.last_words())
        why = await services.why_not_ready(name)
        keeper.probation = keeper.probation and bool(why)
        return why

    async def _require_life(self, services: Services, missing: Iterable[str]) -> None:
        dead = [name for name in missing if not await services.is_live(name)]
        if dead:
            words = "; ".join(self.services[name].last_words() for name in dead)
            raise CannotDo(f"did not start: {words} (logs: {self.system.data / 'logs'})")

    async def watch(self) -> None:
        """Say when a service stops being ready, and when it is again; look after the bus's memory; until cancelled."""
        lacking: dict[str, str] = {}
        async with Services(self.system, answer_within_seconds=5.0) as services:
            while True:
                await asyncio.sleep(WATCH_EVERY_SECONDS)
                now = {name: why for name in SERVICES if (why := await services.why_not_ready(name))}
                for name in sorted(lacking.keys() ^ now.keys()):
                    note(f"not ready: {now[name]}" if name in now else f"{name} is ready again")
                lacking = now
                if self.nats is not None:
                    await self._tend_memory(self.nats)

    async def _tend_memory(self, nats: Keeper) -> None:
        """Batches are staged there again after a restart of the bus. One that lost its memory is started anew."""
        if is_lost(self._nats_folder):
            note("nats-server's part of the memory was emptied: started again")
            await nats.stop(PATIENCE_SECONDS["nats"])
            await self.start_bus()
        stage_in_memory(self._nats_folder)

    async def stop(self) -> None:
        """Services first, so that they drain while the others still answer; the bus last."""
        await _stop_all(self.services.values(), PATIENCE_SECONDS["services"])
        await _stop_all(self.sandboxes.values(), PATIENCE_SECONDS["sandboxes"])
        ends = {"nats": self.nats, "postgres": self.postgres}
        await asyncio.gather(*(part.stop(PATIENCE_SECONDS[name]) for name, part in ends.items() if part))
        forget(self._nats_folder)

    def kill(self) -> None:
        """End everything at once."""
        for keeper in (*self.services.values(), *self.sandboxes.values(), self.nats, self.postgres):
            if keeper is not None:
                keeper.kill()

    @property
    def _nats_folder(self) -> Path:
        return self.system.data / "nats"

    def pids(self) -> dict[str, int | None]:
        """The process of each service right now."""
        return {name: keeper.pid for name, keeper in self.services.items()}

    async def _keep(self, part: Part, *, probation: bool = False) -> Keeper:
        keeper = Keeper(part, probation=probation)
        await keeper.start()
        return keeper

    async def _bootstrap(self) -> None:
        """Create streams and consumers."""
        since = ("--channels-from", str(self._channels_from()))
        await self._carry_out("the streams could not be created", "chassis.bootstrap", *since)

    async def _carry_out(self, otherwise: str, module: str, *arguments: str) -> None:
        """Do it in a process of its own: the supervisor stays small. Raises `CannotDo` with its last words."""
        command = (sys.executable, "-m", module, *arguments)
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines() or ["no output"]
            raise CannotDo(f"{otherwise}: {lines[-1]}")

    def _channels_from(self) -> int:
        """Where CHANNELS begins if it has to be made anew: where the messages of a restored backup begin, else after
        what the orders service has read of the lost one.
        """
        if first := first_waiting(self.system):
            return first
        if kept_in(self.system) is Kept.SQLITE and not path_of(self.system, "orders").exists():
            return 1
        return read_by_orders(self.system) + 1

    def _sandbox(self, name: str, module: str) -> Part:
        truth = self.system.folder("sandbox") / f"{name}.jsonl"
        return self._part(
            f"sandbox-{name}", module, "--port", str(self.system.port(name)), "--log", str(truth)
        )

    def _part(self, name: str, module: str, *arguments: str) -> Part:
        log = self.system.data / "logs" / f"{name}.log"
        return Part(
            name, (sys.executable, "-m", module, *arguments), log, self.environment, RANKS.get(name, 0)
        )


async def _stop_all(keepers: Iterable[Keeper], patience_seconds: float) -> None:
    await asyncio.gather(*(keeper.stop(patience_seconds) for keeper in keepers))
