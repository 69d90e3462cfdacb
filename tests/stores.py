"""Both places where a store can be: what chassis and services promise, they promise on each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from chassis.event_store import Store
from chassis.rebuild import all_events, live_rows
from chassis.sqlite_store import SQLiteStore
from tests.postgres import Database


class Stores(Protocol):
    """Where the stores of one test are; opened again, each is as it was left."""

    def open(self, service: str) -> Store: ...

    def elsewhere(self) -> Stores:
        """A place where there is nothing yet."""


@dataclass(frozen=True)
class Files:
    """SQLite files in a folder."""

    folder: Path

    def open(self, service: str) -> Store:
        return SQLiteStore(self.folder / f"{service}.sqlite")

    def elsewhere(self) -> Files:
        return Files(self.folder / "elsewhere")


@dataclass(frozen=True)
class Cell:
    """Schemas of a cell in PostgreSQL."""

    database: Database
    name: str

    def open(self, service: str) -> Store:
        return self.database.store(self.name, service)

    def elsewhere(self) -> Cell:
        return Cell(self.database, self.database.new_cell())


def contents(store: Store) -> dict[str, Any]:
    """Everything that is in it, to compare two stores."""
    with store.snapshot() as still:
        return {
            "events": list(all_events(still)),
            "beside": list(live_rows(still)),
            "positions": still.positions(),
            "counts": still.counts("state"),
        }


def stores_of(request: pytest.FixtureRequest) -> Stores:
    """For a fixture with the parameters `sqlite` and `postgres`."""
    if request.param == "sqlite":
        return Files(request.getfixturevalue("tmp_path"))
    database: Database = request.getfixturevalue("database")
    return Cell(database, database.new_cell())


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Each in its turn: a test that asks for it, or for something that does, runs twice."""
    return stores_of(request)


@pytest.fixture(name="stores", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def stores_one_of_them_later(request: pytest.FixtureRequest) -> Stores:
    """The same for suites that take their time: `make test` runs them on files, `make test-long` in the database."""
    return stores_of(request)
