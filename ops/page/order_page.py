"""What an order's page and a parcel's page show, put together from the services' answers."""

from __future__ import annotations

import asyncio
from typing import Any

from ops.asking import Services
from ops.console import CannotDo
from ops.page.glance import NO_LABEL, quoted
from ops.page.order_story import told_by

MILESTONES = ("label_created", "handed_over", "picked_up", "in_transit", "out_for_delivery", "delivered")
"""The way of a parcel that goes well, as the customer sees it."""

VERSIONS = ("orders.OrderReceived.v1", "orders.OrderRevised.v1")


async def order_content(services: Services, order: dict[str, Any]) -> dict[str, Any]:
    """The order's story across the five services, its messages, and what the warehouse may do with it."""
    order_id = order["order_id"]
    (events, silent), notifications, fulfilment = await asyncio.gather(
        told_by(services, order_id, order["currency"]),
        _or({}, services.get("notify", "/notifications", order=order_id)),
        _or({}, services.get("shipping", f"/fulfilments/{quoted(order_id)}")),
    )
    bought = _as_bought(events)
    return {
        "events": events,
        "silent": silent,
        "titles": {line["sku"]: line.get("title", "") for line in bought.get("lines", ())},
        "channel_says": bought.get("payment", {}).get("state", ""),
        "number": bought.get("customer", {}).get("order_number", ""),
        "deliveries": [delivery for delivery in bought.get("shipping", ()) if delivery["total_minor"]],
        "messages": notifications.get("notifications", []),
        "may_dispatch": "DispatchFulfilment" in fulfilment.get("allowed", []),
        "unlabelled": [parcel for parcel in fulfilment.get("parcels", []) if parcel["state"] == NO_LABEL],
    }


def _as_bought(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The order in its newest applied version, as the channel said it."""
    versions = [event["data"] for event in events if event["type"] in VERSIONS]
    applied = [version["order"] for version in versions if version.get("applied", True)]
    return applied[-1] if applied else {}


async def parcel_content(services: Services, tracking: str) -> dict[str, Any]:
    """A parcel by its tracking number: where it is, and the scans that say so. Raises `CannotDo` if nobody knows it."""
    parcel = await services.get("shipping", f"/parcels/{quoted(tracking)}")
    reached = reached_by(parcel)
    at = MILESTONES.index(reached) if reached in MILESTONES else -1
    steps = [{"name": name, "done": n <= at} for n, name in enumerate(MILESTONES)]
    return {"tracking": tracking, "parcel": parcel, "reached": reached, "steps": steps}


def reached_by(parcel: dict[str, Any]) -> str:
    """The carrier's milestone; before its first scan, whether the parcel has left the house."""
    milestone: str = parcel.get("milestone") or MILESTONES[0]
    has_left = any(event["what"] == "handed_over" for event in parcel["events"])
    return "handed_over" if milestone == MILESTONES[0] and has_left else milestone


async def _or(otherwise: dict[str, Any], asked: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = await asked
    except CannotDo:
        return otherwise
    return answer
