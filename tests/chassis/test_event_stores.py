"""The event store's behaviours, on SQLite and on PostgreSQL; and what only PostgreSQL is asked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from chassis.event_store import Store
from chassis.postgres_connections import schema_of
from chassis.sqlite_store import SQLiteStore
from tests.postgres import Database
from tests.suites.event_store_suite import EventStoreSuite
from tests.suites.event_store_suite import store as store


class File:
    """A SQLite file."""

    refusals = (sqlite3.IntegrityError,)

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> Store:
        return SQLiteStore(self.path)

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as direct:
            direct.execute(statement)


class Schema:
    """A schema of a database."""

    refusals = (psycopg.errors.RestrictViolation,)

    def __init__(self, database: Database) -> None:
        self.database = database
        self.cell = database.new_cell()

    def open(self) -> Store:
        return self.database.store(self.cell)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.database.url, autocommit=True) as owner:
            owner.execute(f"SET search_path TO {schema_of(self.cell, 'orders')}")
            owner.execute(statement.encode())


class TestSQLite(EventStoreSuite):
    @pytest.fixture
    def place(self, tmp_path: Path) -> File:
        return File(tmp_path / "orders.sqlite")


class TestPostgres(EventStoreSuite):
    @pytest.fixture
    def place(self, database: Database) -> Schema:
        return Schema(database)
