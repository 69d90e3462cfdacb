"""The numbered steps that make tables in PostgreSQL: `NNNN_name.sql`, added to, never edited.

Those of a service's event store are here, those of the store of keys in `keys/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from chassis.event_store import OldStore

type Applied = Sequence[tuple[Any, ...]]
"""Number, name and SHA-256 of what was applied, in order."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number (contiguous from 1), its name, and the statements as they stand in the file."""

    number: int
    name: str
    statements: str

    @property
    def sha256(self) -> str:
        """What the database remembers it by."""
        return sha256(self.statements.encode()).hexdigest()


KEYS = "keys"
"""The store of keys, which stands beside the services' stores under this name."""


@cache
def migrations(store: str = "") -> tuple[Migration, ...]:
    """All steps of this release, in order: for the store of keys, or else for the store of any service."""
    return read(Path(__file__).parent / (KEYS if store == KEYS else ""))


def read(folder: Path) -> tuple[Migration, ...]:
    """The steps in a folder, in order. A gap in their numbers is a fault of the release."""
    found = tuple(
        Migration(int(path.stem[:4]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    )
    assert [step.number for step in found] == list(range(1, len(found) + 1)), f"a gap in {folder}"
    return found


def outstanding(schema: str, applied: Applied, known: Sequence[Migration]) -> Sequence[Migration]:
    """What is still to be applied. Raises `OldStore` where what was applied is not what this release would apply."""
    if len(applied) > len(known):
        raise OldStore(
            f"{schema} was made by a later release ({applied[-1][1]}): go back to that, or restore a backup"
        )
    for (number, name, digest), step in zip(applied, known, strict=False):
        if (number, digest) != (step.number, step.sha256):
            raise OldStore(
                f"the migration {name} that made {schema} was changed or removed since: put its file back as it"
                " was, and write a new one for what is to change"
            )
    return known[len(applied) :]


def require_newest(schema: str, applied: Applied) -> None:
    """Raises `OldStore` unless a schema was made by exactly the steps of this release."""
    if missing := outstanding(schema, applied, migrations()):
        raise OldStore(f"{schema} lacks {missing[0].name}: run `python -m chassis.migrate` first")
