"""The stores of a system: where they are kept, and how to open them for reading only.

Where a system's stores are is chosen once, by its first `doorstep up`, and remembered in `<data>/store`: a system that
went on elsewhere would begin a second history.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from chassis.event_store import UNREADABLE, Store
from chassis.postgres_connections import ConnectionLost
from chassis.settings import system as settings
from chassis.sqlite_store import SQLiteStore
from chassis.stores import open_database, open_store
from chassis.whole_file import write_whole
from contracts.parking import SERVICES
from ops.configuration import table
from ops.console import CannotDo
from ops.kept import Kept
from ops.running.postgres_server import url_of
from ops.system import System


def kept_in(system: System) -> Kept:
    """Where the stores of a system are."""
    if _url_said():
        return Kept.DATABASE
    return _remembered(system) or Kept.SQLITE


def keep_in(system: System, wish: Kept | None) -> Kept:
    """Choose where, and remember it. Raises `CannotDo` where the system's stores are elsewhere already."""
    chosen = Kept.DATABASE if _url_said() else wish or _remembered(system) or Kept.SQLITE
    if wish is Kept.SQLITE and chosen is not wish:
        raise CannotDo("--store sqlite, but DOORSTEP_DATABASE_URL names a database: take one of them away")
    before = _remembered(system) or chosen
    if before is not chosen:
        raise CannotDo(
            f"the stores of {system.data} are kept in {_named(before)}, not in {_named(chosen)}: "
            "choose another data folder with --data DIR"
        )
    write_whole(system.data / "store", f"{chosen}\n".encode())
    return chosen


def database_url(system: System) -> str:
    """The database of a system, empty where its stores are files. Raises `CannotDo` where it is not said any more."""
    match kept_in(system):
        case Kept.SQLITE:
            return ""
        case Kept.POSTGRES:
            return url_of(system.data / "postgres")
        case Kept.DATABASE:
            if url := _url_said():
                return url
            raise CannotDo(f"the stores of {system.data} are in a database: name it by DOORSTEP_DATABASE_URL")


def path_of(system: System, service: str) -> Path:
    """Where the file of a service's store lies. Raises `CannotDo` where stores are not files."""
    if kept_in(system) is not Kept.SQLITE:
        raise CannotDo("this is for stores in SQLite files, and the stores of this system are in PostgreSQL")
    return system.data / "stores" / f"{service}.sqlite"


def open_stores(system: System, services: Sequence[str] = SERVICES) -> dict[str, Store]:
    """The stores of these services. Raises `CannotDo` where one was never made, is damaged, or does not
    answer.
    """
    if kept_in(system) is Kept.SQLITE:
        return {**open_files(system, services)}
    url, cell = database_url(system), settings().cell
    try:
        return {service: open_database(url, cell, service, read_only=True) for service in services}
    except ConnectionLost as reason:
        raise CannotDo(f"the database does not answer ({reason}): start it, or `doorstep up`") from reason
    except UNREADABLE as reason:
        raise CannotDo(str(reason)) from reason


def require_stores(system: System) -> None:
    """Raises `CannotDo` where stores are files and this is no data folder, before anything is made in it."""
    if not database_url(system):
        _require_there(system, SERVICES)


def _require_there(system: System, services: Sequence[str]) -> None:
    missing = [service for service in services if not path_of(system, service).exists()]
    if missing:
        raise CannotDo(
            f"no store of {', '.join(missing)} under {system.data}: start it once with `doorstep up`, "
            "or name the data folder with --data"
        )


def open_files(system: System, services: Sequence[str] = SERVICES) -> dict[str, SQLiteStore]:
    """The same where stores are files, as whoever copies them needs it."""
    _require_there(system, services)
    try:
        return {name: open_store(name, read_only=True, path=path_of(system, name)) for name in services}
    except UNREADABLE as reason:
        raise CannotDo(str(reason)) from reason


def _url_said() -> str:
    return os.environ.get("DOORSTEP_DATABASE_URL") or str(table("system").get("database_url") or "")


def _remembered(system: System) -> Kept | None:
    try:
        return Kept((system.data / "store").read_text().strip())
    except (FileNotFoundError, NotADirectoryError):
        return Kept.SQLITE if any((system.data / "stores").glob("*.sqlite")) else None
    except ValueError as unknown:
        raise CannotDo(f"{system.data / 'store'} says what this release does not know: {unknown}") from None


def _named(kept: Kept) -> str:
    return {
        Kept.SQLITE: "SQLite files",
        Kept.POSTGRES: "its own PostgreSQL",
        Kept.DATABASE: "the database of DOORSTEP_DATABASE_URL",
    }[kept]
