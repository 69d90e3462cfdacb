"""Where the stores of a system can be kept."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Kept(StrEnum):
    """Where the stores of a system are."""

    SQLITE = "sqlite"
    """One file for each service, in `<data>/stores`."""
    POSTGRES = "postgres"
    """In a PostgreSQL of our own, its data in `<data>/postgres`."""
    DATABASE = "database"
    """In the database of `DOORSTEP_DATABASE_URL`."""


type Choice = Literal["sqlite", "postgres"]
"""What `up` can be told; a database is named by its URL."""
