"""Sealed bodies, as an auditor reads them: opened, or, where the key was destroyed, by what is known of them still."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import orjson

from chassis.declare import Message
from chassis.keys.away import KeysAway, NoSuchKey
from chassis.keys.bodies import DIGEST, SEALED, readable
from chassis.keys.ring import KeyRing
from chassis.keys.sealing import NotSealed
from chassis.keys.store import KeyStore
from contracts.frozen import replace
from ops.console import CannotDo


class Bodies:
    """The bodies of one system's messages."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._ring = KeyRing(self._store, "verify")

    async def readable(self, message: Message) -> Message:
        """The message with its body as it came. One that was erased says no more than which order it brought, as does
        one that says of its key what is not so: anybody who may publish may say anything.

        Raises `CannotDo` where the keys are away.
        """
        try:
            opened = await readable(message, self._ring)
        except (NoSuchKey, NotSealed):
            opened = None
        except KeysAway as away:
            raise CannotDo(f"sealed messages cannot be read: {away}") from away
        return opened or self._what_is_left(message)

    def _what_is_left(self, message: Message) -> Message:
        """Its digest is that of a body that nobody has any more."""
        headers = {name: value for name, value in message.headers.items() if name != DIGEST}
        return replace(message, data=self._named(message), headers=headers)

    def _named(self, message: Message) -> bytes:
        entity = self._tied.get(message.headers[SEALED], "")
        _, _, order_id = entity.partition("/")
        channel, _, known_as = order_id.partition(":")
        return orjson.dumps({"channel": channel, "channel_order_id": known_as} if known_as else {})

    @cached_property
    def _tied(self) -> Mapping[str, str]:
        return self._store.tied()
