"""What can be asked of notify over HTTP. It takes no commands: it only ever follows facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from chassis.declare import key_of
from chassis.http import Recorded, Runtime, problem, read_limit, reply
from chassis.keys.ring import AS_IT_IS, Opens
from contracts.frozen import replace
from services.notify.domain.letters import letters_of
from services.notify.domain.occasions import order_of
from services.notify.views import DECISIONS, notification_of, notifications, preview

LIMIT, LIMIT_MAX = 20, 200
UNREACHED = ("failed", "suppressed")
"""The states that can be asked for: those a person has to look at."""

FRAME = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
"""A message is shown as what it is: no script, nothing loaded from anywhere."""


def routes(runtime: Runtime, opens: Opens = AS_IT_IS) -> Sequence[web.RouteDef]:
    """The service's own routes."""
    queries = Notifications(runtime, opens)
    return (
        web.get("/notifications", queries.several),
        web.get("/notifications/{id:.+}", queries.one),
    )


@dataclass(frozen=True, slots=True)
class Notifications:
    """Queries about what was written to customers."""

    runtime: Runtime
    opens: Opens = AS_IT_IS

    async def several(self, request: web.Request) -> web.Response:
        """`?order=`: all of an order; `?state=failed|suppressed`: those; otherwise the latest."""
        limit = read_limit(request, LIMIT, LIMIT_MAX)
        if order_id := request.query.get("order"):
            return reply({"order_id": order_id, "notifications": await self._of((order_id,))})
        if state := request.query.get("state"):
            return await self._unreached(state, limit, request.query.get("after", ""))
        return reply({"notifications": await self._latest(limit)})

    async def one(self, request: web.Request) -> web.Response:
        """One notification with its `subject`, `text` and `html`; `?as=html|text`: just that."""
        notification_id = request.match_info["id"]
        history = await self._history(order_of(notification_id))
        row = next((row for row in notifications(history) if row["notification_id"] == notification_id), None)
        if row is None:
            return problem(404, f"no notification {notification_id}")
        content = preview(history, notification_id) or {}
        form = request.query.get("as")
        if form is None:
            return reply({**row, **content})
        if form not in ("html", "text"):
            return problem(422, "as is html or text", field="as")
        if not content:
            return problem(404, f"{notification_id} was suppressed: nothing was written")
        kind = "html" if form == "html" else "plain"
        return web.Response(text=content[form], content_type=f"text/{kind}", headers=FRAME)

    async def _unreached(self, state: str, limit: int, after: str) -> web.Response:
        if state not in UNREACHED:
            return problem(422, f"state is one of {', '.join(UNREACHED)}", field="state")
        entities = await self.runtime.tagged(f"state={state}", limit=limit, after=after)
        rows = await self._of(key_of(entity) for entity in entities)
        found = [row for row in rows if row["state"] == state]
        return reply({"notifications": found, "next": entities[-1] if len(entities) == limit else None})

    async def _latest(self, limit: int) -> list[dict[str, Any]]:
        """What was decided last, newest first."""
        decided = await self.runtime.recent(*DECISIONS, limit=limit)
        rows = await self._of(dict.fromkeys(key_of(recorded.entity) for recorded in decided))
        known = {row["notification_id"]: row for row in rows}
        return [known[id] for recorded in decided if (id := notification_of(recorded)) in known]

    async def _of(self, orders: Iterable[str]) -> list[dict[str, Any]]:
        return [row for order in orders for row in notifications(await self._history(order))]

    async def _history(self, order_id: str) -> list[Recorded]:
        """What was written about an order, readable for whoever may ask."""
        history = await self.runtime.history(letters_of(order_id))
        return [replace(told, event=await self.opens.open(told.event)) for told in history]
