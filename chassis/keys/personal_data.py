"""The `[personal]` table: whether personal data is sealed, and for how long the channels' own bodies can be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chassis.clock import rfc3339, wall_clock
from chassis.keys.master import master_key
from chassis.keys.postgres import PostgresKeys
from chassis.keys.ring import AS_IT_IS, KeyRing, Opens, Sealer, Seals
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import KeyStore
from chassis.migrations import KEYS
from chassis.postgres_connections import schema_of
from chassis.settings import section, system

FOLDER = "keys"
FILE = "keys.sqlite"
ACCESS_DAYS_MIN = 30
"""As `migrations/keys/0003_forget_accesses.sql` has it: whoever misuses a service's keys is noted for so long."""


class PersonalSettings(BaseModel):
    """`seal`: personal data is sealed as it comes in. `body_days`: after so many days a channel's own body can be read
    by nobody, only its digest stays; 0 keeps it. `access_days`: for so many days it is known who fetched which key, for
    thirty at least; 0 keeps it for ever. Whatever was sealed before is opened either way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seal: bool = True
    body_days: int = Field(default=0, ge=0)
    access_days: int = Field(default=400, ge=0)

    @field_validator("access_days")
    @classmethod
    def _long_enough(cls, days: int) -> int:
        if 0 < days < ACCESS_DAYS_MIN:
            raise ValueError(f"is {ACCESS_DAYS_MIN} or more, or 0 to keep all")
        return days


def personal() -> PersonalSettings:
    """The table as configured. Raises `SettingsWrong`."""
    return section("personal", PersonalSettings)


def key_store(data: Path | None = None, database_url: str | None = None) -> KeyStore:
    """Where the keys of the system in a data folder are: beside its stores, in the database where it has one.

    By default the configured system. Touches nothing until it is used.
    """
    settings = system()
    url = settings.database_url if database_url is None else database_url
    return _key_store((data or settings.data) / FOLDER, url, schema_of(settings.cell, KEYS))


@cache
def _key_store(folder: Path, database_url: str, schema: str) -> KeyStore:
    if database_url:
        return PostgresKeys(database_url, schema, lambda: master_key(folder))
    return SQLiteKeys(folder / FILE, lambda: master_key(folder))


def opens(service: str) -> Opens:
    """What a service opens personal data with."""
    return KeyRing(key_store(), service)


def seals() -> Seals:
    """What a service seals personal data with that people type in."""
    return Sealer(key_store()) if personal().seal else AS_IT_IS


def forget_old_bodies(store: KeyStore, days: int, now: datetime | None = None) -> int:
    """Destroy the keys of bodies stored more than so many days ago; returns how many.

    Raises `KeysAway`, also where the store finds that too early (PostgreSQL keeps a day whatever is asked), or
    its caller not to be who looks after it.
    """
    moment = now or wall_clock()
    return store.expire_bodies(rfc3339(moment - timedelta(days=days)), _kept_for(days), rfc3339(moment))


def forget_bodies_when_told(store: KeyStore, days: int) -> int:
    """The same on a person's word, today's too if it is so. Takes the right to destroy keys. Raises `KeysAway`."""
    moment = wall_clock()
    before = rfc3339(moment - timedelta(days=days))
    return store.forget_bodies(before, "doorstep", _kept_for(days), rfc3339(moment))


def _kept_for(days: int) -> str:
    return f"kept for {days} days"


def forget_old_accesses(store: KeyStore, days: int, now: datetime | None = None) -> int:
    """Forget who fetched which key more than so many days ago; returns how many rows. Raises `KeysAway`."""
    return store.forget_accesses(rfc3339((now or wall_clock()) - timedelta(days=days)))
