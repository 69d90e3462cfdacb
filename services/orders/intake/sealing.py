"""Where personal data is sealed: between reading a message and deciding about it. Nothing behind here can read it.

All orders of one person share a key, and whatever comes later about an order is sealed with the key it began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from chassis.clock import Clock, rfc3339, wall_clock
from chassis.declare import Message
from chassis.http import Runtime
from chassis.keys.away import KeysAway, NoSuchKey
from chassis.keys.bodies import SEALED
from chassis.keys.sealing import Key, NotSealed, key_id_of
from chassis.keys.store import KeyStore, Wanted
from contracts.frozen import replace
from contracts.mail_address import is_mail_address, one_address
from contracts.orders import OrderReceived
from contracts.personal import ERASED, personal_texts, with_personal, with_sealed
from contracts.placed_order import PlacedOrder
from services.orders.domain.placing import order_id_of
from services.orders.domain.states import entity_of
from services.orders.intake.readable import with_codes_only
from services.orders.intake.reading import Placed, Reading, Unreadable

READ_AHEAD_MAX = 2_000
ON_THE_LOOP_MAX, ON_THE_LOOP_BYTES_MAX = 32, 256 * 1024
"""Messages that are read and sealed on the event loop, and bytes of all of them: some ten milliseconds."""
FORGOTTEN = "nobody can read its body any more: the key was destroyed"
UNKNOWN = (
    "its body is sealed with a key that is not in the key store: retry it once the backup of the keys is back"
)

type Read = Callable[[Message], Reading]


def owner_of(placed: PlacedOrder) -> str:
    """Who the order's customer is, as far as it tells: the e-mail address, or nobody but this order's."""
    return one_address(placed.customer.email) or entity_of(order_id_of(placed))


def wanted_for(placed: PlacedOrder, body: str = "", *, anew: bool = False) -> Wanted:
    """The key that an order is to be sealed with. `anew`: a person typed it in, who means it."""
    return Wanted(owner=owner_of(placed), entity=entity_of(order_id_of(placed)), body=body, anew=anew)


def sealed(placed: PlacedOrder, key: Key | None) -> PlacedOrder:
    """The order with each personal text sealed; what decisions need of them is told beside.

    A text that looks sealed is sealed all the same: nobody gets another's data opened by sending it in. Of an order
    whose customer was forgotten there is no key, and what its channel says of them later is left out.
    """
    placed = with_codes_only(placed)
    if key is None:
        order = with_personal(placed, lambda _: ERASED)
        return replace(order, customer=replace(order.customer, mailable=False))
    email, known = placed.customer.email, {}  # type: tuple[str, dict[str, str]]

    def seal(text: str) -> str:
        if text not in known:
            known[text] = key.seal(text)
        return known[text]

    order = with_sealed(placed, seal)
    if not email.strip():
        return order
    return replace(order, customer=replace(order.customer, mailable=is_mail_address(email)))


class SealedReadings:
    """Reads messages and seals what they say: `prepare` first, many at a time, then each one when it is decided.

    Where nothing is to be sealed (`seals` is false) it still opens the bodies that were. `fresh` has the keys of those
    that were sealed a moment ago.
    """

    def __init__(
        self,
        read: Read,
        store: KeyStore,
        clock: Clock = wall_clock,
        *,
        seals: bool = True,
        fresh: Callable[[str], Key | None] = lambda _: None,
    ) -> None:
        self._read = read
        self._store = store
        self._clock = clock
        self._seals = seals
        self._fresh = fresh
        self._ready: dict[str, Reading | Exception] = {}
        self._sought = ""

    async def start(self, runtime: Runtime) -> None:
        """Have the store of keys made at the first time. Orders wait where it is not the one of earlier orders."""
        if not self._seals:
            return
        for newest in await runtime.recent(OrderReceived, limit=1):
            self._sought = next(filter(None, map(key_id_of, personal_texts(newest.event))), "")
        with suppress(KeysAway):
            await asyncio.to_thread(self._store.have)

    async def prepare(self, messages: Sequence[Message]) -> None:
        """Have readings of these at hand. Raises `KeysAway`, and nothing was done. One that fails is parked when it is
        decided, and in nobody's way.

        Keys are always had on a thread, however few: they are synced to disk, and channels wait on the event loop for
        their answers. What is to be computed for a few messages stays on it: two threads that compute slow each other.
        """
        if not _are_little(messages):
            await asyncio.to_thread(self._prepare, messages)
            return
        steps, answer = self._steps(messages), None
        with suppress(StopIteration):
            while True:
                answer = await asyncio.to_thread(steps.send(answer))

    def __call__(self, message: Message) -> Reading:
        """What the message says, sealed. Raises `KeysAway` where it was not prepared, and what reading it raised."""
        if message.id not in self._ready:
            self._prepare([message])
        found = self._ready.pop(message.id)
        if isinstance(found, Exception):
            raise found
        return found

    async def seal(self, placed: PlacedOrder) -> PlacedOrder:
        """An order that a person typed in. Raises `KeysAway`."""
        if not self._seals:
            return placed
        wanted = [wanted_for(placed, anew=True)]
        (key,) = await asyncio.to_thread(self._issued, wanted, rfc3339(self._clock()))
        return sealed(placed, key)

    def _prepare(self, messages: Sequence[Message]) -> None:
        steps, answer = self._steps(messages), None
        with suppress(StopIteration):
            while True:
                answer = steps.send(answer)()

    def _steps(self, messages: Sequence[Message]) -> Generator[Callable[[], Any], Any, None]:
        """What it takes, up to each question to the store of keys, which is yielded and wants its answer."""
        now = rfc3339(self._clock())
        locks = {message.id: message.headers.get(SEALED, "") for message in messages}
        locked = {key_id for key_id in locks.values() if key_id}
        keys: dict[str, Key | None] = {key_id: key for key_id in locked if (key := self._fresh(key_id))}
        if missing := locked - keys.keys():
            keys |= yield partial(self._keys, missing, now)
        readings: dict[str, Reading | Exception] = {
            message.id: _tried(self._reading, message, locks[message.id], keys) for message in messages
        }
        placed = {name: reading.order for name, reading in readings.items() if isinstance(reading, Placed)}
        if self._seals and placed:
            wanted = [wanted_for(order, locks[name]) for name, order in placed.items()]
            issued = yield partial(self._issued, wanted, now)
            for (name, order), key in zip(placed.items(), issued, strict=True):
                readings[name] = _tried(_sealed_reading, order, key)
        if len(self._ready) >= READ_AHEAD_MAX:
            self._ready.clear()
        self._ready |= readings

    def _issued(self, wanted: Sequence[Wanted], now: str) -> list[Key | None]:
        """Keys for these, unless the store was lost: a new one in its place would hide that."""
        if self._sought and self._store.facts(self._sought) is None:
            raise KeysAway(f"{self._store.place} has no key {self._sought}: put the backup of the keys back")
        self._sought = ""
        return self._store.issue(wanted, now)

    def _keys(self, key_ids: set[str], now: str) -> dict[str, Key | None]:
        """The keys of bodies; None for one that was destroyed. Those that never were here are missing."""
        while key_ids:
            try:
                return dict.fromkeys(key_ids) | self._store.fetch(key_ids, "orders", now)
            except NoSuchKey as unknown:
                key_ids = key_ids - unknown.key_ids
        return {}

    def _reading(self, message: Message, lock: str, keys: Mapping[str, Key | None]) -> Reading:
        if not lock:
            return self._read(message)
        if lock not in keys:
            return Unreadable(UNKNOWN)
        key = keys[lock]
        if key is None:
            return Unreadable(FORGOTTEN)
        try:
            return self._read(replace(message, data=key.open_bytes(message.data)))
        except NotSealed as wrong:
            return Unreadable(f"its body cannot be opened: {wrong}")


def _tried[**P](read: Callable[P, Reading], *what: P.args, **more: P.kwargs) -> Reading | Exception:
    try:
        return read(*what, **more)
    except Exception as fault:  # noqa: BLE001 - raised again when this message is decided, which parks it
        return fault


def _sealed_reading(order: PlacedOrder, key: Key | None) -> Reading:
    return Placed(sealed(order, key))


def _are_little(messages: Sequence[Message]) -> bool:
    """Whether nobody would notice that they are read on the event loop. One may be as large as a mebibyte."""
    size = sum(len(message.data) for message in messages)
    return len(messages) <= ON_THE_LOOP_MAX and size <= ON_THE_LOOP_BYTES_MAX
