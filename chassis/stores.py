"""Which store a service has: one SQLite file each, under the data folder."""

from __future__ import annotations

from pathlib import Path

from chassis.settings import system
from chassis.sqlite_store import SQLiteStore


def store_path(service: str) -> Path:
    """Where the embedded store of a service lies."""
    return system().data / "stores" / f"{service}.sqlite"


def open_store(service: str, *, read_only: bool = False, path: Path | None = None) -> SQLiteStore:
    """The store of a service. Opened read-only it must exist."""
    return SQLiteStore(path or store_path(service), read_only=read_only)
