"""The demo's channels: signed webhooks as Shopify and WooCommerce send them, canonical events over NATS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp

from chassis.bus import Bus, BusAway, connect
from chassis.names import Names
from chassis.settings import system as settings
from ops.channels import Channel, headers_of, sign
from ops.console import CannotDo
from ops.demo.canonical import canonical_event
from ops.demo.orders import OWN_SHOP, DemoOrder
from ops.demo.shop import SHOPIFY_DOMAIN, WOOCOMMERCE_SITE
from ops.demo.shopify import shopify_body
from ops.demo.woocommerce import woocommerce_body
from ops.publishing.publication import event_publication
from ops.system import System

SOURCES = {"shopify": SHOPIFY_DOMAIN, "woocommerce": WOOCOMMERCE_SITE}
KINDS = {"shopify": "shopify", "woocommerce": "woocommerce", "market": "canonical", OWN_SHOP: "canonical"}
"""The channels that the demo sells through, and their kinds."""


def require_channels(known: Mapping[str, Channel]) -> None:
    """Raises `CannotDo` naming the first channel of the demo that is not configured, or is of another kind."""
    for name, kind in KINDS.items():
        if name not in known or known[name].kind != kind:
            raise CannotDo(
                f'--demo sells through [channels.{name}] with kind = "{kind}", which the configuration does not have: '
                "add it, or start without --demo"
            )


class NotTaken(CannotDo):
    """A webhook was not answered with 2xx; a channel delivers it again."""


class Sender:
    """Sends an order through the door of its channel."""

    def __init__(self, system: System, secrets: dict[str, str], session: aiohttp.ClientSession) -> None:
        self._system, self._secrets, self._session = system, secrets, session
        self._stack = AsyncExitStack()
        self._bus: Bus | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def send(self, order: DemoOrder) -> None:
        """Deliver it. Raises `CannotDo` or a client error while the other side is away; sending again is safe."""
        match order.channel:
            case "shopify":
                await self._webhook("shopify", "orders/create", str(order.number), shopify_body(order))
                if order.twist == "cancelled":
                    await self._cancel(order)
            case "woocommerce":
                await self._webhook(
                    "woocommerce", "order.created", str(order.number), woocommerce_body(order)
                )
            case _:
                await self._publish(order)

    async def _cancel(self, order: DemoOrder) -> None:
        """The customer thinks again before the parcel leaves."""
        at = max(datetime.now(UTC), order.placed_at + timedelta(seconds=1))
        body = shopify_body(order, cancelled_at=at)
        await self._webhook("shopify", "orders/cancelled", f"{order.number}-cancelled", body)

    async def _webhook(self, channel: str, topic: str, delivery: str, body: dict[str, Any]) -> None:
        raw = json.dumps(body, ensure_ascii=False).encode()
        headers = headers_of(
            channel, topic, f"demo-{delivery}", SOURCES[channel], sign(self._secrets[channel], raw)
        )
        url = f"{self._system.url('orders')}/channels/{channel}/webhooks"
        async with self._session.post(url, data=raw, headers=headers) as answer:
            if answer.status >= 300:
                raise NotTaken(f"{channel}: {answer.status} {(await answer.text())[:200]}")

    async def _publish(self, order: DemoOrder) -> None:
        publication = event_publication(
            order.channel, "order_placed", canonical_event(order), str(order.number)
        )
        try:
            if self._bus is None:
                names = Names(settings().cell)
                self._bus = await self._stack.enter_async_context(
                    connect(self._system.nats_url, "demo", names)
                )
            await self._bus.publish(
                publication.subject, publication.data, publication.headers, publication.message_id
            )
        except BusAway as away:
            raise CannotDo(str(away)) from None
