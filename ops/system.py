"""Where a running system is: its data folder, its ports, its URLs.

What `doorstep up` chose is remembered in `<data>/system.json`, so that every other command finds the same
system by `--data` alone. Against production, `DOORSTEP_NATS_URL` and `[system.services]` in `doorstep.toml`
(or `DOORSTEP_SYSTEM__SERVICES`, a JSON object) name the bus and the services instead.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.services import SERVICES
from ops.configuration import table
from ops.console import CannotDo
from ops.options import PORT_BASE_MAX

DEFAULT_DATA = Path("var")
DEFAULT_PORT_BASE = 8080
HOST = "127.0.0.1"

PORTS = {
    "page": 0,
    **{service: offset for offset, service in enumerate(SERVICES, start=1)},
    "gateway": 6,
    "carrier": 7,
    "nats": 8,
    "nats-monitor": 9,
}
"""What listens where, counted from the port base."""


@dataclass(frozen=True, slots=True)
class System:
    """One system: where its data lies and where its parts answer. URLs have no trailing slash."""

    data: Path
    port_base: int
    nats_url: str
    services: dict[str, str]

    def port(self, part: str) -> int:
        """The port of an embedded part, by its name in `PORTS`."""
        return self.port_base + PORTS[part]

    def url(self, part: str) -> str:
        """Where a service, the page, a sandbox or the NATS monitor answers over HTTP."""
        scheme = _scheme() if part == "page" else "http"
        return self.services.get(part) or f"{scheme}://{HOST}:{self.port(part)}"

    @property
    def page_url(self) -> str:
        """The page for people."""
        return self.url("page")

    def folder(self, name: str) -> Path:
        """A folder below the data folder, made if need be."""
        path = self.data / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def find(data: Path | None = None, port_base: int | None = None) -> System:
    """The system that is meant: flags first, then the environment, what `up` remembered, and the defaults.

    Raises `CannotDo` for a configuration that cannot be read, and for a port base that is none.
    """
    said = table("system")
    folder = data or Path(_first(os.environ.get("DOORSTEP_SYSTEM__DATA"), said.get("data"), DEFAULT_DATA))
    base = _port(
        _first(
            port_base,
            os.environ.get("DOORSTEP_SYSTEM__PORT_BASE"),
            _remembered(folder).get("port_base"),
            said.get("port_base"),
            DEFAULT_PORT_BASE,
        )
    )
    nats_url = _first(
        os.environ.get("DOORSTEP_NATS_URL"), said.get("nats_url"), f"nats://{HOST}:{base + PORTS['nats']}"
    )
    return System(folder.resolve(), base, nats_url, _services(said, base))


def remember(system: System) -> None:
    """Keep what `up` chose, for the commands that come after it."""
    from chassis.whole_file import write_whole  # the command line says what there is without it

    said = json.dumps({"port_base": system.port_base, "page": system.page_url}) + "\n"
    write_whole(system.data / "system.json", said.encode())


def _services(said: dict[str, Any], base: int) -> dict[str, str]:
    named = json.loads(os.environ.get("DOORSTEP_SYSTEM__SERVICES") or "{}") or said.get("services") or {}
    scheme = _scheme()
    return {
        service: str(named.get(service) or f"{scheme}://{HOST}:{base + PORTS[service]}").rstrip("/")
        for service in SERVICES
    }


def _scheme() -> str:
    from chassis.tls import tls

    return tls().scheme


def _remembered(folder: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads((folder / "system.json").read_text())
    except (FileNotFoundError, NotADirectoryError, PermissionError, json.JSONDecodeError):
        return {}
    return kept


def _port(said: Any) -> int:
    if not str(said).isdecimal() or not 1 <= int(said) <= PORT_BASE_MAX:
        raise CannotDo(f"the port base {said!r} is not a number from 1 to {PORT_BASE_MAX}")
    return int(said)


def _first(*candidates: Any) -> Any:
    return next(candidate for candidate in candidates if candidate is not None)
