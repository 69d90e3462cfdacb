"""What waits for a second person, over HTTP: the same three routes in every service that has such a rule.

`GET /approvals` lists it, `POST /approvals/{id}/approve` and `…/deny` decide it. Who may is in `contracts/rights.py`;
that it is somebody else than who asked is decided by the service's own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from chassis.http import Runtime, Signed, answer, problem, read_body, read_limit, reply
from chassis.openapi import takes
from contracts.second_person import WAITS

LIMIT, LIMIT_MAX = 50, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one person asked for. `about` is the order or SKU it concerns, `amount_minor` what it is worth."""

    id: str
    kind: str
    about: str
    detail: str
    currency: str
    amount_minor: int
    asked_by: str
    asked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """A service's part: how what waits is shown, and what commands decide it. Its state carries the tag `WAITS`.

    `entity_of` gives the entity of an id, None where it can be none. The commands take the id and who decides.
    """

    entity_of: Callable[[str], str | None]
    show: Callable[[Any], Waiting]
    approve: Callable[[str, Signed], Any]
    deny: Callable[[str, Signed], Any]


def approval_routes(runtime: Runtime, approvals: Approvals) -> Sequence[web.RouteDef]:
    """The routes of one service."""
    desk = ApprovalDesk(runtime, approvals)
    return (
        web.get("/approvals", desk.waiting),
        web.post("/approvals/{id:.+}/approve", desk.approve),
        web.post("/approvals/{id:.+}/deny", desk.deny),
    )


@dataclass(frozen=True, slots=True)
class ApprovalDesk:
    """The handlers."""

    runtime: Runtime
    approvals: Approvals

    async def waiting(self, request: web.Request) -> web.Response:
        """What waits for a second person: `{"approvals": [...], "next": cursor or null}`; `?limit=`, `?after=`."""
        limit = read_limit(request, LIMIT, LIMIT_MAX)
        entities = await self.runtime.tagged(WAITS, limit, request.query.get("after", ""))
        states = await self.runtime.states(entities)
        shown = [asdict(self.approvals.show(state)) for state in states if state is not None]
        return reply({"approvals": shown, "next": entities[-1] if len(entities) == limit else None})

    @takes(Signed)
    async def approve(self, request: web.Request) -> web.Response:
        """Let it happen: it is done in the same decision, once. 409 for who asked, or where nothing waits."""
        return await self._decide(request, self.approvals.approve)

    @takes(Signed)
    async def deny(self, request: web.Request) -> web.Response:
        """Let it not happen. 409 for who asked, or where nothing waits."""
        return await self._decide(request, self.approvals.deny)

    async def _decide(self, request: web.Request, command: Callable[[str, Signed], Any]) -> web.Response:
        this, signed = request.match_info["id"], await read_body(request, Signed)
        entity = self.approvals.entity_of(this)
        if entity is None or await self.runtime.state(entity) is None:
            return problem(404, f"nothing was asked for as {this[:200]}")
        return answer(await self.runtime.execute(command(this, signed)))
