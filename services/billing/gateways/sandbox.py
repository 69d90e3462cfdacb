"""The sandbox gateway: a real HTTP server that really keeps books, so that "charged once" can be proved.

    python -m services.billing.gateways.sandbox --port 8086 --log var/gateway.jsonl

Charges and refunds are idempotent by reference, also after a restart: everything is rebuilt from the truth log.
It can be told to misbehave; see `misbehaviour`.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from chassis import sandbox_server
from chassis.truth_log import TruthLog
from services.billing.gateways.accounts import Accounts, ReferenceReused
from services.billing.gateways.misbehaviour import Behaviour, Mode, Mood

PREFIX = {"charge": "ch", "refund": "re"}
LATE_SECONDS = 2.0
"""How late `late` is where no seconds are given."""
DONE = {"charge": "captured", "refund": "refunded"}


class Asked(BaseModel):
    """A charge or a refund as asked for."""

    reference: str = Field(min_length=1, max_length=200)
    amount_minor: int = Field(gt=0, le=10**15)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    email: str = Field(default="", max_length=500)
    charge_reference: str = Field(default="", max_length=200)


class Sandbox:
    """The server's routes over its accounts."""

    def __init__(self, log: TruthLog, *, magic_amounts: bool = False) -> None:
        self._log = log
        self._accounts = Accounts(log)
        self._mood = Mood(Behaviour(), magic_amounts=magic_amounts)

    def application(self) -> web.Application:
        """The application: the gateway's API, its log, and the switch for its behaviour."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/charges", lambda request: self._move(request, "charge")),
                web.post("/refunds", lambda request: self._move(request, "refund")),
                web.get("/charges", lambda request: self._find(request, self._accounts.charges)),
                web.get("/refunds", lambda request: self._find(request, self._accounts.refunds)),
                web.get("/payouts/preview", self._preview),
                *sandbox_server.admin_routes(self._log, self._mood),
            ]
        )
        return app

    async def _move(self, request: web.Request, of: Literal["charge", "refund"]) -> web.StreamResponse:
        try:
            asked = Asked.model_validate_json(await request.read())
            known = self._accounts.known(of, asked.reference, asked.amount_minor, asked.currency)
        except (ValidationError, ReferenceReused) as wrong:
            return _json({"error": str(wrong)}, 422)
        if request.headers.get("Idempotency-Key") != asked.reference:
            return _json({"error": "Idempotency-Key must be the reference"}, 422)
        if known is not None:
            await self._log.settled()
            return _answer(known)
        mode = self._mood.next(asked.email, asked.amount_minor)
        if mode == "fail_500":
            return _json({"error": "internal error"}, 500)
        if mode == "late":
            await asyncio.sleep(self._mood.behaviour.seconds or LATE_SECONDS)
            known = self._accounts.known(of, asked.reference, asked.amount_minor, asked.currency)
        record = known or await self._accounts.write(self._record(of, asked, mode))
        if mode == "timeout_after_effect":
            await self._hang_up(request)
        return _answer(record)

    def _record(self, of: Literal["charge", "refund"], asked: Asked, mode: Mode) -> dict[str, Any]:
        reason = self._refusal(of, asked, mode)
        record = {
            "kind": "decline" if reason else of,
            "of": of,
            "reference": asked.reference,
            "amount_minor": asked.amount_minor,
            "currency": asked.currency,
            "status": "declined" if reason else DONE[of],
            "id": f"{PREFIX[of]}_{len(self._log.records) + 1:08}",
            "time": datetime.now(UTC).isoformat(),
        }
        if of == "refund":
            record["charge_reference"] = asked.charge_reference
        return record | ({"reason": reason} if reason else {})

    def _refusal(self, of: Literal["charge", "refund"], asked: Asked, mode: Mode) -> str:
        if mode == "decline":
            return "card_declined: insufficient funds" if of == "charge" else "refund_declined"
        if of == "refund" and asked.amount_minor > self._accounts.refundable(asked.charge_reference):
            return "amount_too_large: more than is left of the charge"
        return ""

    async def _hang_up(self, request: web.Request) -> None:
        """The money has moved, and nobody is told: the connection is cut."""
        await asyncio.sleep(self._mood.behaviour.seconds)
        if request.transport is not None:
            request.transport.close()

    async def _find(self, request: web.Request, records: dict[str, dict[str, Any]]) -> web.Response:
        record = records.get(request.query.get("reference", ""))
        if record is None:
            return _json({"error": "nothing is known under this reference"}, 404)
        await self._log.settled()
        return _answer(record, look_up=True)

    async def _preview(self, request: web.Request) -> web.Response:
        """A statement of the records from `first` on; `next` is where the following one begins."""
        query = request.query
        first = int(query.get("first", "0")) if query.get("first", "0").isdecimal() else 0
        payout_id = query.get("payout_id") or f"po_{first}_{len(self._log.records)}"
        return _json(self._accounts.payout(payout_id, query.get("currency", "EUR"), first))


def _answer(record: dict[str, Any], *, look_up: bool = False) -> web.Response:
    return _json(record, 402 if record["status"] == "declined" and not look_up else 200)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def main() -> None:
    """The command line."""
    name = "sandbox gateway"
    parser = sandbox_server.arguments(name, "A payment gateway to test against.")
    parser.add_argument(
        "--magic-amounts", action="store_true", help="decline charges whose minor units end in 13"
    )
    asked = parser.parse_args()
    sandbox_server.run(name, asked, lambda log: Sandbox(log, magic_amounts=asked.magic_amounts).application())


if __name__ == "__main__":
    main()
