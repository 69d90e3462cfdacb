"""What must be true once it is calm: the auditor's invariants I1-I13, and what only a simulation can know.

The auditor is `doorstep verify`'s own (`ops/verify`), on stores, streams and truth logs in memory. Beside it stands
what this day's customers asked for, of which the auditor knows nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import orjson

from chassis.batch import StoredEvent
from chassis.declare import Kind
from chassis.state_cache import StateCache
from ops.verify.chain import Chains
from ops.verify.copies import Copies
from ops.verify.evidence import weigh
from ops.verify.hand_overs import HandOvers
from ops.verify.ledger import Ledger
from ops.verify.messages import ChannelMessages
from ops.verify.notifications import Notifications
from ops.verify.orders import Orders
from ops.verify.payments import Payments
from ops.verify.rebuilds import judge_rebuilds
from ops.verify.scan import scan
from ops.verify.stock import Stock
from ops.verify.truth import mail_name
from ops.verify.verdict import Verdict
from services.orders.domain.states import Payment, State
from tests.simulation.orders import UNHEARD_OF, Sale, Workload, tax_inside
from tests.simulation.shop import LATER, PHONE
from tests.simulation.world import World

PARKED = "MessageParked"


def judge(world: World, work: Workload) -> list[str]:
    """Everything that is wrong, in words; nothing if all is well."""
    return [
        *world.faults,
        *(f"{v.id}: {v.detail}" for v in asyncio.run(_audit(world)) if _is_wrong(v)),
        *_orders(world, work),
        *_put_aside(world, work),
        *_taxes(world),
        *_left_open(world),
    ]


def fingerprint(world: World) -> str:
    """One hash over every stream and everything that was done outside."""
    digest = hashlib.sha256()
    for name, stream in world.bus.streams.items():
        digest.update(repr((name, stream.messages)).encode())
    truth = (world.outside.gateway.truth.records, world.outside.carrier.truth.records)
    digest.update(repr((truth, sorted(world.outside.mail.files), world.happened)).encode())
    return digest.hexdigest()


async def _audit(world: World) -> list[Verdict]:
    """What `ops.verify.runner.audit` does, with truth logs that are no files."""
    evidence = weigh(world.stores, world.stores)
    channels = await world.bus.stream_info("CHANNELS")
    messages = ChannelMessages(channels[2])
    chains, hand_overs = Chains(evidence, channels[2]), HandOvers(evidence, messages, channels)
    copies, orders = Copies(evidence, patience_seconds=0.0), Orders(evidence)
    mails = Counter(mail_name(name) for name in world.outside.mail.files)
    auditors = (
        messages,
        orders,
        Stock(evidence, orders),
        Ledger(),
        hand_overs,
        Payments(evidence, world.outside.gateway.transfers()),
        Notifications(evidence, lambda: mails),
    )
    scan(evidence, auditors, (chains.witness, messages.witness, hand_overs.witness, copies.witness))
    async for message in world.bus.read("CHANNELS"):
        messages.hear(message)
    verdicts = [verdict for auditor in auditors for verdict in auditor.conclude()]
    rebuilds = judge_rebuilds(evidence.stores, world.shop.service)
    return [*verdicts, *chains.conclude(), await copies.compare(world.bus), rebuilds]


def _is_wrong(verdict: Verdict) -> bool:
    """Work in flight is no fault while a system runs; here nothing runs any more."""
    return not verdict.holds or any(w.startswith("pending ") for w in verdict.detail.split("; "))


def _states(world: World, service: str, kind: str) -> Iterator[tuple[str, Any]]:
    store = world.stores[service]
    kinds: dict[str, Kind] = {known.name: known for known in world.shop.service(service).kinds}
    cache = StateCache(store, kinds)
    for row in store.entities():
        if row.entity.startswith(f"{kind}/"):
            yield row.entity.partition("/")[2], cache.get(row.entity).state


def _orders(world: World, work: Workload) -> Iterator[str]:
    """Every order that was placed is there, and in an end, or stands still for a reason that is true."""
    orders = dict(_states(world, "orders", "order"))
    failed = {order for order, f in _states(world, "shipping", "fulfilment") if _has_no_label(f)}
    available = {sku: stock.available for sku, stock in _states(world, "inventory", "sku")}
    refused = {orjson.loads(event.data)["order_id"] for event in _events(world, "RefundFailed")}
    for sale in work.sales:
        order = orders.pop(sale.order_id, None)
        if order is None:
            yield f"{sale.order_id} was placed, and is not there"
        elif why := _unexplained(order, sale, available, refused, sale.order_id in failed):
            yield f"{sale.order_id} ({sale.fate}): {why}"
    yield from (f"{order} was never placed" for order in orders)


def _has_no_label(fulfilment: Any) -> bool:
    return any(parcel.problem for parcel in fulfilment.parcels)


def _unexplained(
    order: Any, sale: Sale, available: dict[str, int], refused: set[str], label_failed: bool
) -> str:
    """Why this order may not stand where it stands; empty where it may."""
    if order.state is State.FULFILLED:
        return "" if order.captured_minor == order.total_minor else "fulfilled without its money"
    if order.state is State.CANCELLED:
        return _wrongly_cancelled(order, sale, refused)
    if order.state is State.RELEASED:
        return "" if label_failed else "at the warehouse, and nothing hands it over"
    if order.holds:
        return next(filter(None, (_wrongly_held(hold, sale, available) for hold in order.holds)), "")
    waits_for_channel = sale.channel == LATER and order.payment is Payment.AWAITED
    return "" if waits_for_channel else f"{order.state} with nothing to wait for"


def _wrongly_cancelled(order: Any, sale: Sale, refused: set[str]) -> str:
    ours_to_return = sale.channel == PHONE and sale.order_id not in refused
    if order.captured_minor > order.refunded_minor and ours_to_return:
        return f"cancelled, and {order.captured_minor} were not given back"
    return ""


def _wrongly_held(hold: Any, sale: Sale, available: dict[str, int]) -> str:
    match hold.reason.value:
        case "sku_unmapped":
            return "" if UNHEARD_OF in sale.wants else "held for a SKU that is in the catalogue"
        case "stock_short":
            short = any(units.quantity > available[units.sku] for units in hold.skus)
            return "" if short else f"held for stock that is there: {hold.skus}"
        case "payment_failed":
            return ""
    return f"held for {hold.reason.value}, which nobody gave cause for"


def _put_aside(world: World, work: Workload) -> Iterator[str]:
    """What nobody could read is refused once, and nothing else is put aside by anybody."""
    refused = sum(e.type == "orders.MessageRefused.v1" for e in world.stores["orders"].tables.log)
    if refused != work.garbled:
        yield f"{work.garbled} messages could not be read, {refused} were refused"
    for event in _events(world, PARKED):
        facts = orjson.loads(event.data)
        yield f"parked {facts['type']}: {facts['reason']}"


def _events(world: World, name: str) -> Iterable[StoredEvent]:
    for store in world.stores.values():
        yield from (event for event in store.tables.log if event.type.split(".")[1] == name)


def _taxes(world: World) -> Iterator[str]:
    """Each invoice's tax is what its gross has inside, half up to the cent."""
    for event in _events(world, "InvoiceIssued"):
        facts = orjson.loads(event.data)
        for group in facts["vat"]:
            due = tax_inside(group["gross_minor"], Decimal(group["rate"]))
            if group["tax_minor"] != due:
                yield f"{facts['number']}: {group['tax_minor']} tax in {group['gross_minor']}, due {due}"


def _left_open(world: World) -> Iterator[str]:
    """Nothing is left to call, to publish or to read, and everybody who asked was answered."""
    for name, store in world.stores.items():
        yield from (f"{name} still has to make the call {key}" for _, key, _ in store.calls())
    for request in world.requests:
        if request.open and not _is_of_nobody(world, request.command):
            yield f"{request.command} was never answered"


def _is_of_nobody(world: World, command: Any) -> bool:
    order = getattr(command, "order_id", "")
    return bool(order) and f"order/{order}" not in world.stores["orders"].tables.entities
