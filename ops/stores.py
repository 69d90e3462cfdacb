"""The stores of a system, opened for reading only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chassis.sqlite_store import SQLiteStore
from chassis.stores import open_store
from contracts.parking import SERVICES
from ops.console import CannotDo
from ops.system import System


def path_of(system: System, service: str) -> Path:
    """Where the store of a service lies."""
    return system.data / "stores" / f"{service}.sqlite"


def open_stores(system: System, services: Sequence[str] = SERVICES) -> dict[str, SQLiteStore]:
    """The stores of these services. Raises `CannotDo` where one was never made."""
    missing = [service for service in services if not path_of(system, service).exists()]
    if missing:
        raise CannotDo(
            f"no store of {', '.join(missing)} under {system.data}: start it once with `doorstep up`, "
            "or name the data folder with --data"
        )
    return {
        service: open_store(service, read_only=True, path=path_of(system, service)) for service in services
    }
