"""The page of what waits for a second person, and the two buttons under each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ops.approvals import DECIDING, path_of, waiting_of
from ops.asking import Refused, Services
from ops.page.guard import VISITOR
from ops.page.sign_in import require_own_form

DECISIONS = ("approve", "deny")
HOME = "/approvals"

type Render = Callable[..., web.Response]


class WaitingPage:
    """The handlers; `render` makes a page of a template. What waits is asked of `parts`, which do not wait long."""

    def __init__(self, services: Services, parts: Services, render: Render) -> None:
        self._services, self._parts, self._render = services, parts, render

    def routes(self) -> list[web.RouteDef]:
        """Both of them."""
        return [web.get(HOME, self.show), web.post(HOME + "/{service}/{decision}", self.decide)]

    async def show(self, request: web.Request) -> web.Response:
        """All that waits, oldest first."""
        waiting, silent = await waiting_of(self._parts)
        visitor = request[VISITOR]
        return self._render(
            request,
            "approvals",
            waiting=waiting,
            silent=[str(away) for away in silent],
            said=request.query.get("said", ""),
            lacking={service: visitor.lacks(service, "/approvals/{id}/approve") for service in DECIDING},
        )

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """Pass the decision on, in the visitor's own name where it is known, and come back with the answer."""
        service, decision = request.match_info["service"], request.match_info["decision"]
        if service not in DECIDING or decision not in DECISIONS:
            raise web.HTTPNotFound
        form, visitor = await request.post(), request[VISITOR]
        require_own_form(visitor, form.get("form_token"))
        visitor.require(service, f"/approvals/{{id}}/{decision}")
        signed = {name: str(form.get(name, "")).strip() for name in ("actor", "reason")}
        if visitor.caller.name:
            signed["actor"] = visitor.caller.name
        said = await self._say(service, path_of(str(form.get("part", "")), decision), signed)
        raise web.HTTPSeeOther(f"{HOME}?said={quote(said)}")

    async def _say(self, service: str, path: str, signed: dict[str, Any]) -> str:
        try:
            await self._services.post(service, path, signed)
        except Refused as refusal:
            return str(refusal)
        return "Done"
