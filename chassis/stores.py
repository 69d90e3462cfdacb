"""Which store a service has: a schema of the database where one is set, else one SQLite file under the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import overload

from chassis.event_store import HalfMadeStore, Store
from chassis.postgres_connections import schema_of
from chassis.postgres_store import PostgresStore
from chassis.settings import system
from chassis.sqlite_store import SQLiteStore


def store_path(service: str) -> Path:
    """Where the embedded store of a service lies."""
    return system().data / "stores" / f"{service}.sqlite"


@overload
def open_store(service: str, *, read_only: bool = False, path: Path) -> SQLiteStore: ...
@overload
def open_store(service: str, *, read_only: bool = False) -> Store: ...
def open_store(service: str, *, read_only: bool = False, path: Path | None = None) -> Store:
    """The store of a service, or the file at `path`. Opened read-only it must exist."""
    settings = system()
    if settings.database_url and path is None:
        return open_database(settings.database_url, settings.cell, service, read_only=read_only)
    return SQLiteStore(path or store_path(service), read_only=read_only)


def open_database(url: str, cell: str, service: str, *, read_only: bool = False) -> PostgresStore:
    """The store of a cell's service in a database. Raises `OldStore` where it was not migrated, and `HalfMadeStore`."""
    store = PostgresStore(url, schema_of(cell, service), read_only=read_only)
    if store.is_half_made():
        store.close()
        raise HalfMadeStore(
            f"{store.schema} was being made anew, and that was cut off: do it again (`doorstep restore`, or"
            " `doorstep heal SERVICE --store --force`)"
        )
    return store
