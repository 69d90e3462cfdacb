"""Sealed bodies, as an auditor reads them: opened, or, where the key was destroyed, by what is known of them still."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import orjson

from chassis.declare import Message
from chassis.keys.bodies import SEALED, readable
from chassis.keys.ring import KeyRing
from chassis.keys.store import KeysAway, KeyStore
from contracts.frozen import replace
from ops.console import CannotDo


class Bodies:
    """The bodies of one system's messages."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._ring = KeyRing(self._store, "verify")

    async def readable(self, message: Message) -> Message:
        """The message with its body as it came. One that was erased says no more than which order it brought.

        Raises `CannotDo` where the keys are away.
        """
        try:
            opened = await readable(message, self._ring)
            return opened or replace(message, data=self._what_is_left(message))
        except KeysAway as away:
            raise CannotDo(f"sealed messages cannot be read: {away}") from away

    def _what_is_left(self, message: Message) -> bytes:
        entity = self._tied.get(message.headers[SEALED], "")
        _, _, order_id = entity.partition("/")
        channel, _, known_as = order_id.partition(":")
        return orjson.dumps({"channel": channel, "channel_order_id": known_as} if known_as else {})

    @cached_property
    def _tied(self) -> Mapping[str, str]:
        return self._store.tied()
