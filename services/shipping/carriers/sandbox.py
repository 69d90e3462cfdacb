"""A carrier that is a real HTTP server with its own truth: `python -m services.shipping.carriers.sandbox
--port N --log FILE`.

It keeps every label, refusal, void and scan in an append-only log, on disk before it answers, and rebuilds
itself from it at start. It is idempotent by our reference. It can be told to misbehave: `POST /behaviour`
`{"mode": ..., "every": n, "seconds": x, "count": k}` spoils every n-th purchase, at most k of them:

| mode | the label | the answer |
|---|---|---|
| `ok` | made | at once |
| `refuse` | refused | 422 |
| `fail_500` | not made | 500 |
| `timeout_after_effect` | made | after `seconds` the connection breaks |
| `late` | made | after `seconds` |
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from aiohttp import web

from chassis import misbehaviour, sandbox_server
from chassis.misbehaviour import Mood
from chassis.truth_log import TruthLog
from services.shipping.carriers.sandbox_books import Books, Purchase, ScanReport

type Mode = Literal["ok", "refuse", "fail_500", "timeout_after_effect", "late"]


class Behaviour(misbehaviour.Behaviour):
    """How purchases are treated."""

    mode: Mode = "ok"


def application(log: TruthLog) -> web.Application:
    """The server's application on its truth."""
    mood = Mood(Behaviour())
    counter = Counter(Books(log), mood)
    app = web.Application(client_max_size=1 << 20)
    app.add_routes(
        [
            web.post("/labels", counter.buy),
            web.get("/labels", counter.look_up),
            web.delete("/labels", counter.void),
            web.post("/parcels/{number}/scans", counter.scan),
            web.get("/parcels/{number}/scans", counter.scans),
            *sandbox_server.admin_routes(log, mood),
        ]
    )
    return app


@dataclass(frozen=True, slots=True)
class Counter:
    """Where labels are bought and given back."""

    books: Books
    mood: Mood[Behaviour]

    async def buy(self, request: web.Request) -> web.Response:
        """A label, or what the mood makes of it."""
        purchase = await _body(request, Purchase)
        if not self.mood.spoils_next():
            return _answer(await self.books.sell(purchase))
        behaviour = self.mood.behaviour
        match behaviour.mode:
            case "refuse":
                reason = "the carrier does not serve this address"
                return _answer(await self.books.refuse(purchase.reference, reason))
            case "fail_500":
                return web.json_response({"error": "the carrier is out of order"}, status=500)
        sold = await self.books.sell(purchase)
        await asyncio.sleep(behaviour.seconds)
        if behaviour.mode == "timeout_after_effect" and request.transport is not None:
            request.transport.abort()
        return _answer(sold)

    async def look_up(self, request: web.Request) -> web.Response:
        """What stands under `?reference=`."""
        found = await self.books.answer_to(request.query.get("reference", ""))
        if found is None:
            return web.json_response({"error": "nothing is known under this reference"}, status=404)
        return web.json_response(found)

    async def void(self, request: web.Request) -> web.Response:
        """Give back what stands under `?reference=`."""
        reference = request.query.get("reference", "")
        if not reference:
            return web.json_response({"refused": "which reference?"}, status=400)
        return web.json_response(await self.books.void(reference))

    async def scan(self, request: web.Request) -> web.Response:
        """Something happened to a parcel on the road."""
        report = await _body(request, ScanReport)
        return web.json_response(await self.books.scan(request.match_info["number"], report), status=201)

    async def scans(self, request: web.Request) -> web.Response:
        """All that happened to a parcel."""
        return web.json_response({"scans": self.books.scans(request.match_info["number"])})


def _answer(entry: dict[str, Any]) -> web.Response:
    return web.json_response(entry, status=422 if entry.get("refused") else 201)


async def _body[T](request: web.Request, model: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=model)
    except msgspec.MsgspecError as wrong:
        raise web.HTTPUnprocessableEntity(
            text=msgspec.json.encode({"refused": str(wrong)}).decode(), content_type="application/json"
        ) from wrong


def main() -> None:
    """The command line."""
    name = "sandbox carrier"
    parser = sandbox_server.arguments(name, "A carrier to test against, over real HTTP.")
    sandbox_server.run(name, parser.parse_args(), application)


if __name__ == "__main__":
    main()
