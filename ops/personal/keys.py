"""Where the keys of a system are: beside its stores, or in its database."""

from __future__ import annotations

from chassis.keys.personal_data import key_store
from chassis.keys.store import KeyStore
from ops.stores import database_url
from ops.system import System


def keys_of(system: System) -> KeyStore:
    """The key store of a system. Raises `CannotDo` where its database is not said any more."""
    return key_store(system.data, database_url(system))
