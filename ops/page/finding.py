"""The search field and the lists of orders: whatever names one order leads to its page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ops.asking import Services
from ops.console import CannotDo
from ops.page.glance import quoted
from services.orders.domain.policies import MANUAL_CHANNEL

ANSWER_WITHIN_SECONDS = 3.0
LISTED_MAX = 50
"""Orders of a state or a hold on one page; the next page has the further ones."""
SOUGHT_CHARACTERS_MAX = 200

type Render = Callable[..., web.Response]


class SearchPage:
    """The handler; `render` makes a page of a template."""

    def __init__(self, services: Services, render: Render) -> None:
        self._services, self._render = services.within(ANSWER_WITHIN_SECONDS), render

    async def show(self, request: web.Request) -> web.Response:
        """`?id=` leads to the order that is meant; `?state=` or `?hold=` to their list."""
        if sought := request.query.get("id", "").strip():
            return await self._sought(request, sought[:SOUGHT_CHARACTERS_MAX])
        asked = {name: request.query[name] for name in ("state", "hold", "after") if request.query.get(name)}
        found = await self._services.get("orders", "/orders", limit=LISTED_MAX, **asked)
        wanted = {name: value for name, value in asked.items() if name != "after"}
        return self._render(request, "orders", wanted=wanted, further="after" in asked, **found)

    async def _sought(self, request: web.Request, sought: str) -> web.Response:
        """Its page; where two channels have an order of this number, both to choose from."""
        meant = await orders_meant(self._services, sought)
        if len(meant) > 1:
            return self._render(
                request, "orders", wanted={"number": sought}, further=False, orders=meant, next=None
            )
        named = meant[0]["order_id"] if meant else sought
        raise web.HTTPSeeOther(f"/orders/{quote(named, safe=':')}")


async def orders_meant(services: Services, sought: str) -> list[dict[str, Any]]:
    """The orders that may be meant: by our id, by their number at any channel (`1001`, `#1001`), by an invoice, by a
    tracking number. Whoever does not answer knows none.
    """
    if ":" in sought:
        return [{"order_id": sought}]
    number = quoted(sought.removeprefix("#"))
    known = (await _or_none(services.get("orders", "/channels"))).get("channels", ())
    channels = (*(channel["name"] for channel in known), MANUAL_CHANNEL)
    numbered, papers = await asyncio.gather(
        _all(services.get("orders", f"/orders/{quoted(channel)}:{number}") for channel in channels),
        _all(
            services.get(service, f"/{place}/{number}")
            for service, place in (("billing", "invoices"), ("shipping", "parcels"))
        ),
    )
    return numbered or papers[:1]


async def _all(asked: Iterable[Awaitable[Any]]) -> list[dict[str, Any]]:
    return [answer for answer in await asyncio.gather(*map(_or_none, asked)) if answer]


async def _or_none(asked: Awaitable[Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = await asked
    except CannotDo:
        return {}
    return answer
