"""Erasing a customer: every key to their data is destroyed, mails that were sent are blanked, the fact is recorded.

In this order, so that it can be done again wherever it was cut off: what is needed to find them is read first, then the
keys go, then what lies in the open, then orders is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from chassis.bus import BusAway
from chassis.clock import rfc3339, wall_clock
from chassis.keys.bodies import SEALED
from chassis.keys.ring import KEPT_SECONDS
from chassis.keys.store import KeysAway, KeyStore
from contracts.notify import NotificationSent
from ops.asking import Services
from ops.bus_access import connected
from ops.console import CannotDo, note
from ops.personal.customer import Customer, find_customer
from ops.personal.keys import keys_of
from ops.personal.mails import blank_mails
from ops.stores import open_stores
from ops.system import System
from ops.verify.truth import mail_name

CHANNELS = "CHANNELS"
GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done. `plain` are messages that somebody published past us, unsealed: no key can take them away."""

    keys: tuple[str, ...]
    orders: tuple[str, ...]
    bodies: int
    mails: int
    plain: tuple[int, ...]

    def as_json(self) -> dict[str, object]:
        """The shape other programs rely on."""
        return asdict(self)


async def erase(system: System, named: str, actor: str, reason: str) -> Erased:
    """Erase them, for ever. Raises `CannotDo` where they are not known, or where a part of it could not be done."""
    if not actor.strip() or not reason.strip():
        raise CannotDo("--actor and --reason must say something: they are recorded")
    store = keys_of(system)
    try:
        customer = find_customer(system, store, named)
        loose, plain = await _bodies_that_name(system, store, customer)
        bodies = {*customer.bodies, *loose}
        moment = rfc3339(wall_clock())
        store.destroy([*customer.keys, *bodies], actor, reason, moment)
    except KeysAway as away:
        raise CannotDo(str(away)) from away
    note(f"destroyed; within {KEPT_SECONDS:.0f} s no service has a copy of a key in memory")
    await asyncio.sleep(KEPT_SECONDS + GRACE_SECONDS)
    mails = _blank(system, customer)
    await _record(system, customer, actor, reason)
    return Erased(customer.keys, customer.orders, len(bodies), mails, tuple(plain))


async def _bodies_that_name(
    system: System, store: KeyStore, customer: Customer
) -> tuple[list[str], list[int]]:
    """Keys of bodies that name them though no order was read from them; and where unsealed ones do."""
    sought = [address.encode() for address in customer.addresses]
    tied, loose, plain = store.tied(), [], []
    try:
        async with connected(system, "erase") as bus:
            async for message in bus.read(CHANNELS):
                lock = message.headers.get(SEALED, "")
                if lock in tied:
                    continue
                if _names_one(_opened(store, lock, message.data) if lock else message.data, sought):
                    if lock:
                        loose.append(lock)
                    else:
                        plain.append(message.stream_seq)
    except BusAway as away:
        raise CannotDo(
            f"{away}: messages that were refused could not be searched for this customer"
        ) from None
    return loose, plain


def _opened(store: KeyStore, lock: str, data: bytes) -> bytes:
    key = store.fetch([lock], "erase", rfc3339(wall_clock())).get(lock)
    return key.open_bytes(data) if key else b""


def _names_one(body: bytes, sought: Iterable[bytes]) -> bool:
    lowered = body.lower()
    return any(address in lowered for address in sought)


def _blank(system: System, customer: Customer) -> int:
    """Every mail about their orders, and every other one that went to them."""
    history = open_stores(system, ("notify",))["notify"]
    names = [
        mail_name(event.message_id)
        for order in customer.orders
        for stored in history.events(limit=100_000, entity=f"letters/{order}")
        if stored.type == NotificationSent.TYPE
        for event in (NotificationSent.model_validate_json(stored.data),)
    ]
    addresses = customer.addresses or {""}
    return sum(blank_mails(system.data / "mail", names, address) for address in addresses)


async def _record(system: System, customer: Customer, actor: str, reason: str) -> None:
    said = {"actor": actor, "reason": reason, "orders": list(customer.orders)}
    async with Services(system) as services:
        for key in customer.keys:
            try:
                await services.post("orders", f"/customers/{key}/forgotten", said)
            except CannotDo as refused:
                raise CannotDo(
                    f"the keys are destroyed, but it is not recorded ({refused}): run the same again"
                ) from None
