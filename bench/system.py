"""A whole Doorstep to measure: started by `doorstep up`, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.load import SKUS, UNITS_IN_STOCK, sku
from bench.machine import children, command_of, cpu_seconds, rss_mb

SERVICES = ("orders", "inventory", "shipping", "billing", "notify")


class System:
    """One running system, its stores in `store`. `settings` are environment variables for it."""

    def __init__(self, port_base: int, store: str = "sqlite", **settings: str) -> None:
        self.store = store
        self.folder = Path(tempfile.mkdtemp(prefix="doorstep-bench-"))
        self.port_base = port_base
        self.settings = settings
        self.about: dict[str, Any] = {}

    def __enter__(self) -> Self:
        command = [
            sys.executable,
            "-m",
            "ops",
            "up",
            "--data",
            str(self.folder),
            "--port-base",
            str(self.port_base),
            "--autopilot",
            "--store",
            self.store,
            "--json",
        ]
        log = (self.folder / "up.log").open("w")
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"DOORSTEP_SHIPPING__AUTOPILOT_AFTER_SECONDS": "0"} | self.settings,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the system did not start: {(self.folder / 'up.log').read_text()[-2000:]}")
        self.about = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resume()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if fault is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"the system's files are kept in {self.folder}", file=sys.stderr)

    @property
    def nats_url(self) -> str:
        """Where its bus is."""
        return str(self.about["nats"])

    def url(self, service: str) -> str:
        """A service's HTTP address."""
        return str(self.about["services"][service]["url"])

    def pids(self) -> dict[str, int]:
        """Every process that does the work, by name: the services, nats and the sandboxes."""
        named = {}
        for pid in children(self._process.pid):
            command = command_of(pid)
            name = next(
                (s for s in SERVICES if f"services.{s}" in command),
                "nats"
                if "nats-server" in command
                else "postgres"
                if "bin/postgres" in command
                else f"other-{pid}",
            )
            name = (
                "gateway"
                if "gateways.sandbox" in command
                else "carrier"
                if "carriers.sandbox" in command
                else name
            )
            named[name] = pid
        return named

    def cpu(self) -> float:
        """CPU seconds used so far by all of them, the supervisor and the database's own processes included."""
        named = self.pids()
        backends = children(named["postgres"]) if "postgres" in named else []
        return sum(cpu_seconds(pid) for pid in (*named.values(), *backends, self._process.pid))

    def memory(self) -> dict[str, int]:
        """Resident MB by process."""
        return {name: rss_mb(pid) for name, pid in self.pids().items()}

    def pause(self, *services: str) -> None:
        """SIGSTOP services (all five, if none are named)."""
        self._signal(signal.SIGSTOP, services)

    def resume(self, *services: str) -> None:
        """SIGCONT services."""
        self._signal(signal.SIGCONT, services)

    def _signal(self, signum: int, services: tuple[str, ...]) -> None:
        pids = self.pids()
        for name in services or SERVICES:
            if name in pids:
                os.kill(pids[name], signum)

    def stock(self) -> None:
        """Register the bench SKUs and open their stock."""
        rows = [sku(number) for number in range(SKUS)]
        skus = self.folder / "skus.csv"
        skus.write_text(
            "sku,title,barcode,price,currency,vat_class,weight_g\n"
            + "".join(f"{s},Bench article,,11.90,EUR,standard,400\n" for s in rows)
        )
        stock = self.folder / "stock.csv"
        stock.write_text("sku,location,quantity\n" + "".join(f"{s},MAIN,{UNITS_IN_STOCK}\n" for s in rows))
        for what, file in (("skus", skus), ("stock", stock)):
            self.doorstep("import", what, str(file))

    def doorstep(self, *arguments: str, check: bool = True) -> str:
        """Run the `doorstep` command on this system; returns what it printed."""
        command = [sys.executable, "-m", "ops", *arguments, "--data", str(self.folder), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise RuntimeError(
                f"doorstep {' '.join(arguments)} failed: {done.stderr[-1500:]} {done.stdout[-3000:]}"
            )
        return done.stdout

    def status(self, service: str) -> dict[str, Any]:
        """A service's own account of itself."""
        with urllib.request.urlopen(f"{self.url(service)}/ops/status", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def done(self) -> dict[str, int]:
        """How many orders went through each last step, and how many messages are still on their way."""
        counts = {service: self.status(service) for service in SERVICES}
        return {
            "fulfilled": counts["orders"]["counts"]["state"].get("fulfilled", 0),
            "lag": sum(sum(status["lag"].values()) for status in counts.values()),
            "behind": sum(status["relay_behind"] for status in counts.values()),
            "calls": sum(status["effects_pending"] for status in counts.values()),
        }

    def wait_decided(self, fulfilled: int, seconds: float = 600) -> float:
        """Wait until so many orders are fulfilled and every message is decided everywhere; returns when that was."""
        deadline = time.monotonic() + seconds
        while True:
            now, done = time.time(), self.done()
            if done["fulfilled"] >= fulfilled and done["lag"] == 0 and done["behind"] == 0:
                return now
            if time.monotonic() > deadline:
                raise RuntimeError(f"still {done} of {fulfilled} after {seconds} s; files in {self.folder}")
            time.sleep(0.2)

    def wait_called(self, seconds: float = 300) -> None:
        """Wait until no call to the outside is pending (mail is written)."""
        deadline = time.monotonic() + seconds
        while self.done()["calls"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"calls still pending: {self.done()}")
            time.sleep(0.3)

    def verify(self) -> None:
        """`doorstep verify`, after each load: a figure whose run does not add up is no figure."""
        found = json.loads(self.doorstep("verify", check=False))
        if not found["holds"]:
            raise RuntimeError(f"verify failed: {[i for i in found['invariants'] if not i['holds']]}")
