"""Erasing a customer: every key to their data is destroyed, mails that were sent are blanked, the fact is recorded.

In this order, so that it can be done again wherever it was cut off: what is needed to find them is read first, then the
keys go, then what lies in the open, then orders is told. What was on its way meanwhile is looked for once more.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

from chassis.clock import rfc3339, wall_clock
from chassis.keys.away import KeysAway
from chassis.keys.ring import KEPT_SECONDS
from chassis.keys.store import KeyStore
from chassis.settings import section
from contracts.mail_address import one_address
from contracts.notify import NotificationSent
from ops.asking import Services
from ops.console import CannotDo, note, require_signed
from ops.personal.customer import Customer, find_customer, nobody
from ops.personal.keys import keys_of
from ops.personal.mails import blank_mails
from ops.personal.messages import messages_about
from ops.stores import open_stores, require_stores
from ops.system import System
from ops.verify.truth import mail_name
from services.notify.settings import Settings

GRACE_SECONDS = 1.0
ROUNDS_MAX = 5
"""Who orders again and again while they are erased is left to the next `doorstep erase`."""


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


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A round: of whom, the keys of messages that name them (`loose`), unsealed ones, and how many keys there were.
    `began` is when the first round did.
    """

    began: str
    customer: Customer
    loose: frozenset[str]
    plain: frozenset[int]
    keys: int


def _require_not_the_shop(named: str) -> None:
    """Its own address stands in messages of all its customers."""
    own = section("notify", Settings).from_address
    if one_address(named) == one_address(own):
        raise CannotDo(f"{own} is the shop's own address, from which it writes to its customers")


async def erase(system: System, named: str, actor: str, reason: str) -> Erased:
    """Erase them, for ever. Raises `CannotDo` where they are not known, or where a part of it could not be done."""
    require_signed(actor, reason)
    if "@" in reason:
        raise CannotDo("--reason is kept as it is typed: write it without an e-mail address")
    _require_not_the_shop(named)
    require_stores(system)
    store = keys_of(system)
    try:
        done = await _destroy(system, store, named, actor, reason)
        if not (done.customer.keys or done.loose or done.plain):
            raise nobody(named)
        note(f"destroyed; within {KEPT_SECONDS:.0f} s no service has a copy of a key in memory")
        for _ in range(ROUNDS_MAX):
            await asyncio.sleep(KEPT_SECONDS + GRACE_SECONDS)
            more = await _destroy(system, store, named, actor, reason, done)
            was_all, done = not more.keys, more
            if was_all:
                break
    except KeysAway as away:
        raise CannotDo(str(away)) from away
    customer = done.customer
    mails = _blank(system, customer)
    await _record(system, done, _known_as(store, done), actor, reason)
    bodies = {*customer.bodies, *done.loose}
    return Erased(customer.keys, customer.orders, len(bodies), mails, tuple(sorted(done.plain)))


async def _destroy(
    system: System, store: KeyStore, named: str, actor: str, reason: str, before: Destroyed | None = None
) -> Destroyed:
    """One round, with what the one `before` found: what was destroyed then cannot be read to find anybody by."""
    now = rfc3339(wall_clock())
    began, known = (before.began, before.customer.addresses) if before else (now, frozenset[str]())
    customer = find_customer(system, store, named, known, began)
    loose, plain = set(customer.named) | (before.loose if before else set()), set[int]()
    async for about in messages_about(system, store, customer, "erase"):
        if about.lock:
            loose |= {about.lock} - {*customer.bodies}
        else:
            plain.add(about.message.stream_seq)
    if found := loose - {*customer.named}:
        store.claim(customer.names, sorted(found))
    keys = [*customer.keys, *customer.bodies, *loose]
    number = store.destroy(keys, actor, reason, now)
    return Destroyed(began, customer, frozenset(loose), frozenset(plain), number)


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


def _known_as(store: KeyStore, done: Destroyed) -> tuple[str, ...]:
    """Their keys; who has none is known by the key of the first message that named them, whatever is found later."""
    if done.customer.keys:
        return done.customer.keys
    facts = [known for key in done.loose if (known := store.facts(key))]
    return tuple(known.key_id for known in sorted(facts, key=lambda known: (known.made_at, known.key_id))[:1])


async def _record(system: System, done: Destroyed, keys: tuple[str, ...], actor: str, reason: str) -> None:
    loose = sorted(done.loose)
    async with Services(system) as services:
        for key in keys:
            said = {
                "actor": actor,
                "reason": reason,
                "orders": list(done.customer.orders),
                "bodies": loose,
            }
            loose = []
            try:
                await services.post("orders", f"/customers/{key}/forgotten", said)
            except CannotDo as refused:
                raise CannotDo(
                    f"the keys are destroyed, but it is not recorded ({refused}): run the same again"
                ) from None
