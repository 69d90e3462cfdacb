"""What a store of keys is made of, and how it is asked: the same tables and statements in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

TABLES = {
    "masters": ("fingerprint",),
    "rotations": ("number", "at", "actor", "reason", "fingerprint", "naming"),
    "keys": ("key_id", "kind", "made_at", "wrapped", "destroyed_at", "actor", "reason"),
    "owners": ("owner", "key_id"),
    "ties": ("entity", "key_id"),
    "accesses": ("at", "who", "key_id"),
}
"""Each table with its columns. All are texts but `wrapped` and `naming`, which are bytes, and `number`."""
EVERYTHING = {table: f"SELECT {', '.join(columns)} FROM {table}" for table, columns in TABLES.items()}  # noqa: S608
WRAPPED_BY = """
SELECT number, fingerprint, naming, at FROM rotations
UNION ALL SELECT 0, fingerprint, NULL, '' FROM masters ORDER BY 1 DESC LIMIT 1
"""
"""The newest rotation, else the master key that made the first key; no row where no key was ever made."""
USABLE_AFTER = (
    "SELECT key_id, wrapped FROM keys WHERE wrapped IS NOT NULL AND key_id > %s ORDER BY key_id LIMIT %s"
)
NEW_KEY = TABLES["keys"][:4]
"""The columns of a key that was just made."""
OF_IDS = "SELECT key_id, wrapped FROM keys WHERE key_id = ANY (%s)"
_PERSONS = " AND kind = 'person' ORDER BY made_at, key_id"
OF_ENTITIES = (
    f"SELECT entity, key_id, wrapped FROM ties JOIN keys USING (key_id) WHERE entity = ANY (%s){_PERSONS}"  # noqa: S608
)
OF_OWNERS = (
    f"SELECT owner, key_id, wrapped FROM owners JOIN keys USING (key_id) WHERE owner = ANY (%s){_PERSONS}"  # noqa: S608
)
"""The keys of people, the oldest first: by what is sealed with them, and by whose they are. Destroyed ones too."""

type Row = tuple[Any, ...]
type Contents = Mapping[str, Sequence[Row]]
"""Everything in a store, by table."""


class Purpose(StrEnum):
    """What a transaction is for, which decides what it may do and how long it takes."""

    READ = "read"
    """Look, and note that one looked; the note may be lost with the machine's power."""
    ISSUE = "issue"
    """Make keys: durable when it ends, and one at a time, whoever else does."""
    ERASE = "erase"
    """Destroy keys, wrap all of them anew, or copy the store as a whole."""


class Session(Protocol):
    """One transaction. Statements are PostgreSQL's, with `%s` for values; a list goes where `= ANY (%s)` stands."""

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """What is found."""

    def change(self, statement: str, *values: Any) -> int:
        """Change rows; returns how many."""

    def wrap_anew(self, rows: Sequence[tuple[bytes, str]]) -> None:
        """Put other bytes in the place of wrapped keys, by their ids."""

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows; what is there already stays."""
