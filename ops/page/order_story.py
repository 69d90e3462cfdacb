"""An order's story as the services tell it over HTTP: the page has no store of its own to read."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from chassis.batch import StoredEvent
from ops.asking import NoAnswer, Services
from ops.history.timeline import HOMES, Moment, in_order, moment_of

EVENTS_MAX = 1_000
"""Of one service about one order; far more than any order has."""


async def told_by(
    services: Services, order_id: str, currency: str
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Its events in order, each as `timeline --json` has it, and the services that did not answer."""
    told = await asyncio.gather(*(_moments(services, service, order_id) for service in HOMES))
    silent = tuple(service for service, moments in zip(HOMES, told, strict=True) if moments is None)
    events = in_order(moment for moments in told for moment in moments or ())
    return [moment.as_json(currency) for moment in events], silent


async def _moments(services: Services, service: str, order_id: str) -> list[Moment] | None:
    """What one service has of the order; None where it does not answer."""
    entity = f"{HOMES[service]}/{order_id}"
    try:
        answer = await services.get(service, "/ops/events", entity=entity, limit=EVENTS_MAX)
    except NoAnswer:
        return None
    return [moment_of(service, _stored(event)) for event in answer["events"]]


def _stored(event: dict[str, Any]) -> StoredEvent:
    """The event as it stands in the service's store, with the headers that a story needs."""
    headers = f"ce-time: {event['time']}\r\nce-causationid: {event['causation_id']}"
    return StoredEvent(
        event["position"],
        event["entity"],
        event["version"],
        event["type"],
        orjson.dumps(event["data"]),
        headers.encode(),
    )
