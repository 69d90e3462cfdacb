"""What the first page shows: asked from the services when somebody looks, never otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import chain
from typing import Any

from contracts.parking import SERVICES
from ops.asking import Services
from ops.console import CannotDo
from ops.page.today import STEPS, Tally
from ops.status import service_shape
from ops.stores import open_stores
from ops.system import System

ROWS = 7
HELD_ROWS = 12
COUNTED_LOGS = ("orders", "notify")
NO_LABEL = "label_failed"
"""The state of a fulfilment, and of a parcel, that waits for a person to ask for its label again."""


@dataclass(frozen=True, slots=True)
class Recent:
    """A list on the page: whose events it shows, and which."""

    service: str
    types: tuple[str, ...]
    rows: int = ROWS


RECENT = {
    "orders": Recent("orders", ("orders.OrderReceived.v1",)),
    "parcels": Recent("shipping", ("shipping.ParcelDispatched.v1",)),
    "scans": Recent("shipping", ("shipping.ParcelScanned.v1",), 40),
    "invoices": Recent("billing", ("billing.InvoiceIssued.v1",)),
    "payouts": Recent("billing", ("billing.PayoutReconciled.v1", "billing.PayoutUnexplained.v1"), 4),
    "statements": Recent("billing", ("billing.PayoutReported.v1",), 20),
}


class Glance:
    """Gathers the first page's content. Keeps only today's tallies from one look to the next."""

    def __init__(self, system: System, services: Services, zone: tzinfo = UTC) -> None:
        self._system, self._services, self._zone = system, services, zone
        self._tallies = {service: Tally(service, zone) for service in COUNTED_LOGS}
        self._counting = asyncio.Lock()

    async def take(self) -> dict[str, Any]:
        """Everything at once; a part whose service is silent is empty."""
        statuses, recent, messages, steps = await asyncio.gather(
            self._statuses(), self._recent(), self._messages(), self.steps()
        )
        counts = statuses["orders"].get("counts", {})
        in_shipping = statuses["shipping"].get("counts", {}).get("state", {})
        orders, held, unlabelled, parked = await asyncio.gather(
            self._order_states(recent["orders"]),
            self._held(counts.get("hold", {})),
            self._unlabelled(in_shipping.get(NO_LABEL, 0)),
            self._parked([name for name, status in statuses.items() if status.get("parked")]),
        )
        return {
            "services": {name: service_shape(status) for name, status in statuses.items()},
            "silent": [name for name, status in statuses.items() if "pid" not in status],
            "states": counts.get("state", {}),
            "on_hold": counts.get("hold", {}),
            "steps": steps,
            "orders": orders,
            "held": held,
            "parked": parked,
            "unlabelled": unlabelled,
            "unlabelled_in_all": in_shipping.get(NO_LABEL, 0),
            "parcels": with_milestones(recent["parcels"], recent["scans"]),
            "invoices": recent["invoices"],
            "messages": messages,
            "payouts": with_statements(recent["payouts"], recent["statements"]),
            "for_a_second_person": sum(map(waiting_in, statuses.values())),
        }

    async def steps(self) -> list[dict[str, Any]]:
        """How many of today's orders reached each step; nothing where the stores are out of this page's reach."""
        async with self._counting:
            if not await asyncio.to_thread(self._count):
                return []
        counts = {service: tally.counts for service, tally in self._tallies.items()}
        return [{"name": step.name, "orders": counts[step.service][step.name]} for step in STEPS]

    def _count(self) -> bool:
        today = datetime.now(self._zone).date()
        try:
            stores = open_stores(self._system, COUNTED_LOGS)
        except CannotDo:
            return False
        for service, store in stores.items():
            with closing(store):
                self._tallies[service].catch_up(store, today)
        return True

    async def _statuses(self) -> dict[str, Any]:
        silent = {"ready": False}
        answers = await asyncio.gather(
            *(self._or(silent, self._services.get(s, "/ops/status")) for s in SERVICES)
        )
        return dict(zip(SERVICES, answers, strict=True))

    async def _recent(self) -> dict[str, list[dict[str, Any]]]:
        asked = (
            self._or(
                {},
                self._services.get(
                    recent.service, "/ops/recent", type=",".join(recent.types), limit=recent.rows
                ),
            )
            for recent in RECENT.values()
        )
        answers = await asyncio.gather(*asked)
        return {name: answer.get("events", []) for name, answer in zip(RECENT, answers, strict=True)}

    async def _messages(self) -> list[dict[str, Any]]:
        answer = await self._or({}, self._services.get("notify", "/notifications", limit=ROWS))
        rows: list[dict[str, Any]] = answer.get("notifications", [])
        return rows

    async def _order_states(self, received: list[dict[str, Any]]) -> list[dict[str, Any]]:
        states = await asyncio.gather(*(self.order(event["data"]["order_id"]) for event in received))
        return [{**event, "now": state} for event, state in zip(received, states, strict=True)]

    async def _held(self, reasons: Iterable[str]) -> list[dict[str, Any]]:
        asked = (
            self._or({}, self._services.get("orders", "/orders", hold=reason, limit=HELD_ROWS))
            for reason in reasons
        )
        answers = await asyncio.gather(*asked)
        found = {
            order["order_id"]: order
            for order in chain.from_iterable(answer.get("orders", []) for answer in answers)
        }
        rows = [{**hold, "order": order} for order in found.values() for hold in order["holds"]]
        return sorted(rows, key=lambda row: str(row["since"]), reverse=True)[:HELD_ROWS]

    async def _unlabelled(self, count: int) -> list[dict[str, Any]]:
        """Released orders for which no label could be had, those that wait for longest first."""
        if not count:
            return []
        asked = self._services.get("shipping", "/fulfilments", state=NO_LABEL, limit=HELD_ROWS)
        rows: list[dict[str, Any]] = (await self._or({}, asked)).get("fulfilments", [])
        return rows

    async def _parked(self, having: Iterable[str]) -> list[dict[str, Any]]:
        """Messages that could not be used, those that wait for longest first."""
        asked = (self._or({}, self._services.get(name, "/ops/parked", limit=ROWS)) for name in having)
        answers = await asyncio.gather(*asked)
        rows = chain.from_iterable(answer.get("parked", []) for answer in answers)
        return sorted(rows, key=lambda row: str(row["received_at"]))[:ROWS]

    async def order(self, order_id: str) -> dict[str, Any]:
        """An order as the orders service tells it; nothing if it does not answer."""
        return await self._or({}, self._services.get("orders", f"/orders/{quoted(order_id)}"))

    @staticmethod
    async def _or(otherwise: dict[str, Any], asked: Awaitable[Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await asked
        except CannotDo:
            return otherwise
        return answer


def quoted(part: str) -> str:
    """An id as one part of a path."""
    from urllib.parse import quote

    return quote(part, safe=":")


def with_milestones(parcels: list[dict[str, Any]], scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parcels with the last milestone that a scan moved them to; newest scan first."""
    reached: dict[str, str] = {}
    for scan in scans:
        if scan["data"].get("advanced"):
            reached.setdefault(scan["data"]["parcel_id"], scan["data"]["milestone"])
    return [
        {**parcel, "milestone": reached.get(parcel["data"]["parcel_id"], "handed_over")} for parcel in parcels
    ]


def waiting_in(status: dict[str, Any]) -> int:
    """How much waits for a second person, as a service counts it."""
    return int(status.get("counts", {}).get("waits", {}).get("second_person", 0))


def with_statements(payouts: list[dict[str, Any]], statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decided payouts with what their statement said: provider, currency, total; and the name of their page."""
    said = {statement["entity"]: statement["data"] for statement in statements}
    return [
        {**payout, "name": payout["entity"].partition("/")[2], "statement": said.get(payout["entity"], {})}
        for payout in payouts
    ]
