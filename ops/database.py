"""The stores of a system whose stores are in PostgreSQL, for those who make one anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.event_store import HalfMadeStore, OldStore, Store
from chassis.migrate import CannotMigrate
from chassis.postgres_connections import ConnectionLost, schema_of
from chassis.pulse import NotYet
from chassis.schemas import aside_holds_events, replaced
from chassis.session_lock import Session
from chassis.settings import system as settings
from chassis.stores import open_database
from ops.console import CannotDo, note
from ops.kept import Kept
from ops.running.postgres_server import is_accepting
from ops.running.supervisor import PATIENCE_SECONDS, Supervisor
from ops.running.up import Wishes, environment_of
from ops.stores import database_url, kept_in
from ops.system import System


@asynccontextmanager
async def database_of(system: System) -> AsyncIterator[None]:
    """Have it run for the length of a block: our own, of a stopped system, is started for the while."""
    if kept_in(system) is not Kept.POSTGRES or await is_accepting(system.data / "postgres"):
        yield
        return
    note("the system is stopped: starting its database for the while")
    supervisor = Supervisor(system, environment_of(system, {}, Wishes()))
    try:
        await supervisor.start_database()
        yield
    finally:
        if supervisor.postgres is not None:
            await supervisor.postgres.stop(PATIENCE_SECONDS["postgres"])


@asynccontextmanager
async def replacing(system: System, service: str, *, force: bool) -> AsyncIterator[Store]:
    """A new, empty store, which takes the place of the one that is there unless the block fails.

    Raises `CannotDo` while the service runs, and where a store is there and `force` is not given.
    """
    url, cell = database_url(system), settings().cell
    try:
        pulse = await Session(url, schema_of(cell, service)).take()
    except NotYet as reason:
        raise CannotDo(f"{service} cannot be made anew ({reason}): stop it first") from None
    try:
        if not force and holds_events(url, cell, service):
            raise CannotDo(f"there is a store {schema_of(cell, service)} already: --force replaces it")
        with replaced(url, cell, service) as store:
            yield store
    except (CannotMigrate, ConnectionLost) as reason:
        raise CannotDo(f"the store {schema_of(cell, service)} could not be made: {reason}") from reason
    finally:
        await pulse.stop()


def holds_events(url: str, cell: str, service: str) -> bool:
    """A schema without an event, as `migrate` makes it, is as good as none."""
    try:
        store = open_database(url, cell, service, read_only=True)
    except HalfMadeStore:
        return aside_holds_events(url, cell, service)  # what was there before is what may not be lost
    except OldStore:
        return False
    try:
        return store.last_position() > 0
    finally:
        store.close()
