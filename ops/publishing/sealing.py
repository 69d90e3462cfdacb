"""Publications with their bodies sealed, as the webhook intake stores them."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.clock import rfc3339, wall_clock
from chassis.keys.bodies import sealed_body
from chassis.keys.personal_data import personal
from chassis.keys.sqlite import SQLiteKeys
from contracts.frozen import replace
from ops.console import CannotDo
from ops.personal.keys import keys_of
from ops.publishing.publication import Publication
from ops.system import System


def sealed_publications(publications: Sequence[Publication], system: System) -> list[Publication]:
    """Each with a key of its own; without those whose key was destroyed: they were stored before, and are forgotten.

    As they are where `[personal] seal` is off. Raises `KeysAway`, and `CannotDo` where there are none.
    """
    if not personal().seal:
        return list(publications)
    store = keys_of(system)
    if isinstance(store, SQLiteKeys) and not store.path.exists():
        raise CannotDo(
            f"{store.path} is not there: name the data folder of the system that shall read this (--data)"
        )
    keys = store.issue_bodies([p.message_id for p in publications], rfc3339(wall_clock()))
    return [
        replace(publication, data=body, headers=publication.headers | lock)
        for publication, key in zip(publications, keys, strict=True)
        if key is not None
        for body, lock in (sealed_body(key, publication.data),)
    ]
