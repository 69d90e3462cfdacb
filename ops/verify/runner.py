"""Runs the auditors: snapshots first, one pass over the stores, then streams and mails; replays beside them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path

from chassis.bus import AWAY, BusAway
from chassis.event_store import AGAIN, UNREADABLE
from chassis.keys.personal_data import key_store
from chassis.keys.store import KeyStore
from contracts.parking import SERVICES
from ops.bus_access import connected
from ops.console import CannotDo, Progress
from ops.personal.keys import keys_of
from ops.stores import open_stores
from ops.system import System
from ops.verify.bodies import Bodies
from ops.verify.chain import Chains
from ops.verify.copies import PATIENCE_SECONDS, Bus, Copies
from ops.verify.evidence import Evidence, weigh
from ops.verify.hand_overs import HandOvers
from ops.verify.ledger import Ledger
from ops.verify.messages import ChannelMessages
from ops.verify.notifications import Notifications
from ops.verify.orders import Orders
from ops.verify.payments import Payments
from ops.verify.rebuilds import rebuilding
from ops.verify.scan import Auditor, scan
from ops.verify.stock import Stock
from ops.verify.truth import gateway_transfers, sent_mails
from ops.verify.verdict import TITLES, Verdict

CHANNELS = "CHANNELS"


async def verify_system(system: System) -> list[Verdict]:
    """Every invariant of a system, running or not. Raises `CannotDo` where there is nothing to look at, where a store
    cannot be read, and where the bus falls silent meanwhile.
    """
    live = open_stores(system)
    try:
        with ExitStack() as snapshots:
            stores = {name: snapshots.enter_context(live[name].snapshot()) for name in SERVICES}
            evidence = weigh(stores, live)
            async with rebuilding(system, evidence) as rebuilt, AsyncExitStack() as connections:
                bus = await _bus(system, connections)
                verdicts = await audit(evidence, bus, system.data, keys=keys_of(system))
                return in_order([*verdicts, await rebuilt()])
    except AWAY as away:
        raise CannotDo(f"{away}: run it again when the bus answers") from away
    except UNREADABLE as damage:
        raise CannotDo(f"a store cannot be read to its end ({damage}): {AGAIN}") from damage


async def audit(
    evidence: Evidence,
    bus: Bus | None,
    data: Path,
    patience_seconds: float = PATIENCE_SECONDS,
    keys: KeyStore | None = None,
) -> list[Verdict]:
    """All verdicts but I11. `data` is where truth logs and mails lie; `keys` open messages that are sealed, by default
    those of the folder.
    """
    channels = await bus.stream_info(CHANNELS) if bus else None
    read_until = evidence.applied["orders"].get(CHANNELS, 0)
    chains, messages = (
        Chains(evidence, channels and channels[2]),
        ChannelMessages(read_until if bus else None),
    )
    hand_overs = HandOvers(evidence, messages, channels)
    copies, orders = Copies(evidence, patience_seconds), Orders(evidence)
    auditors: tuple[Auditor, ...] = (
        messages,
        orders,
        Stock(evidence, orders),
        Ledger(),
        hand_overs,
        Payments(evidence, gateway_transfers(data / "sandbox" / "gateway.jsonl")),
        Notifications(evidence, partial(sent_mails, data / "mail")),
    )
    witnesses = (chains.witness, messages.witness, hand_overs.witness, copies.witness)
    scan(
        evidence,
        auditors,
        witnesses,
        Progress("reading events", sum(evidence.lasts.values())).reached,
        chains.is_damaged,
    )
    if bus and read_until:
        await _listen(bus, messages, read_until, Bodies(keys or key_store(data)))
    verdicts = [verdict for auditor in auditors for verdict in auditor.conclude()]
    return [*verdicts, *chains.conclude(), await copies.compare(bus)]


def in_order(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """I1 to I13."""
    return sorted(verdicts, key=lambda verdict: int(verdict.id.removeprefix("I")))


async def _listen(bus: Bus, messages: ChannelMessages, until: int, bodies: Bodies) -> None:
    async for message in bus.read(CHANNELS, 1):
        messages.hear(await bodies.readable(message))
        if message.stream_seq >= until:
            return


async def _bus(system: System, connections: AsyncExitStack) -> Bus | None:
    try:
        return await connections.enter_async_context(connected(system, "verify"))
    except BusAway:
        return None


def report(verdicts: Iterable[Verdict]) -> str:
    """For people: a line per invariant, and what is wrong below it."""
    lines = []
    for verdict in verdicts:
        mark = "holds" if verdict.holds else "FAILS"
        lines.append(f"{verdict.id:<4} {mark}  {verdict.checked:>10,}  {TITLES[verdict.id]}")
        if verdict.detail:
            lines.append(f"{'':24}{verdict.detail}")
    return "\n".join(lines)
