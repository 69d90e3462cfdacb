"""Billing over HTTP: payout statements in; invoices, the money of an order and the books out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from chassis.approvals import Approvals, Waiting, approval_routes
from chassis.first_fault import first_fault
from chassis.http import (
    Runtime,
    Signed,
    Stated,
    answer,
    problem,
    read_body,
    read_limit,
    read_position,
    reply,
    signer,
)
from chassis.keys.ring import AS_IT_IS, Opens
from chassis.openapi import takes
from contracts.billing import InvoiceIssued, PayoutReconciled, PayoutUnexplained, RefundRequested
from services.billing import views
from services.billing.domain.commands import ApproveRefund, ConfirmRefund, DenyRefund, RetryRefund
from services.billing.domain.payment import TAX_MISMATCH, Payment, Stage, order_in, payment_entity
from services.billing.domain.payout import STATES as PAYOUT_STATES
from services.billing.domain.payout import Payout, payout_entity
from services.billing.statement import Statement, StatementUnreadable, from_csv

CSV_TYPE = "text/csv"
LIMIT, LIMIT_MAX = 20, 200
LINES, LINES_MOST = 100, 1_000
STAGES = tuple(stage.value for stage in Stage)


class Confirmed(Signed):
    """A refund made at the channel; `reference` is what it is called there, so that a payout can name it."""

    reference: Stated


def routes(runtime: Runtime, opens: Opens = AS_IT_IS) -> Sequence[web.RouteDef]:
    """Billing's own routes."""
    billing = BillingRoutes(runtime, opens)
    return (
        web.post("/payouts", billing.report_payout),
        web.get("/payouts", billing.payouts),
        web.get("/payouts/{id}", billing.payout),
        web.get("/payouts/{id}/lines", billing.payout_lines),
        web.get("/payments", billing.payments),
        web.get("/invoices/{number}.pdf", billing.invoice_pdf),
        web.get("/invoices/{number}", billing.invoice),
        web.get("/orders/{id}/money", billing.money),
        web.post("/orders/{id}/refunds/confirm", billing.confirm_refund),
        web.post("/orders/{id}/refunds/retry", billing.retry_refund),
        web.get("/ledger", billing.ledger),
        *approval_routes(runtime, APPROVALS),
    )


class BillingRoutes:
    """The handlers. Each takes a request and answers JSON, but for the PDF."""

    def __init__(self, runtime: Runtime, opens: Opens = AS_IT_IS) -> None:
        self._runtime = runtime
        self._opens = opens

    @takes(Statement)
    async def report_payout(self, request: web.Request) -> web.Response:
        """A statement in JSON, or in CSV with provider, payout_id, currency, total_minor and actor in the query."""
        is_csv = request.content_type == CSV_TYPE
        statement = await (_read_csv(request) if is_csv else read_body(request, Statement))
        outcome = await self._runtime.execute(statement.command())
        state: Any = await self._runtime.state(payout_entity(statement.provider, statement.payout_id))
        return answer(outcome, **views.payout_view(state))

    async def payouts(self, request: web.Request) -> web.Response:
        """The newest results, newest first; `?limit=` of them. With `?state=`, those in it, oldest first."""
        limit = read_limit(request, LIMIT, LIMIT_MAX)
        if state := request.query.get("state", ""):
            if state not in PAYOUT_STATES:
                return problem(422, f"state: is one of {', '.join(PAYOUT_STATES)}", field="state")
            found = await self._runtime.states(await self._runtime.tagged(f"payout={state}", limit))
            return reply({"payouts": [views.payout_view(payout) for payout in found if payout]})
        recent = await self._runtime.recent(PayoutReconciled, PayoutUnexplained, limit=limit)
        states = await self._runtime.states([recorded.entity for recorded in recent])
        shown = [views.payout_view(s) | {"at": r.time} for r, s in zip(recent, states, strict=True)]
        return reply({"payouts": shown})

    async def payout(self, request: web.Request) -> web.Response:
        """By the provider's payout id, or `<provider>:<payout id>`."""
        payout = await self._payout(request)
        return reply(views.payout_view(payout)) if payout else _no_payout(request)

    async def payout_lines(self, request: web.Request) -> web.Response:
        """Its lines `?from=` a number on, `?limit=` of them, with what each was tied to. `next` is for `?from=`."""
        first, limit = read_position(request, "from"), read_limit(request, LINES, LINES_MOST)
        payout = await self._payout(request)
        if payout is None:
            return _no_payout(request)
        history = await self._runtime.history(payout_entity(payout.provider, payout.payout_id))
        lines = list(views.payout_lines([recorded.event for recorded in history]))
        more = first + limit if first + limit < len(lines) else None
        return reply({"payout_id": payout.payout_id, "lines": lines[first : first + limit], "next": more})

    async def payments(self, request: web.Request) -> web.Response:
        """Payments in a `?state=`, or with `?tax=mismatch` those invoiced with other tax than their rates give (7.6).
        Oldest order first, with since when nothing happened; `?limit=` of them.
        """
        limit, asked = read_limit(request, LIMIT, LIMIT_MAX), request.query
        tag = f"state={asked.get('state', '')}"
        if asked.get("tax") == "mismatch":
            tag = TAX_MISMATCH
        elif asked.get("state") not in STAGES:
            return problem(422, f"state: is one of {', '.join(STAGES)}; or tax: mismatch", field="state")
        entities = await self._runtime.tagged(tag, limit)
        shown = []
        for entity, payment in zip(entities, await self._runtime.states(entities), strict=True):
            history = await self._runtime.history(entity)
            if payment is not None and history:
                shown.append(views.payment_view(payment, history[-1].time))
        return reply({"payments": shown})

    async def _payout(self, request: web.Request) -> Payout | None:
        named = request.match_info["id"]
        payout: Payout | None = await self._runtime.state(f"payout/{named}")
        for entity in await self._runtime.tagged(f"payout:{named}", limit=1) if payout is None else ():
            payout = await self._runtime.state(entity)
        return payout

    async def invoice(self, request: web.Request) -> web.Response:
        """An invoice as it was issued."""
        number = request.match_info["number"]
        issued = await self._issued(number)
        if issued is None:
            return problem(404, f"no invoice {number!r}")
        return web.Response(body=issued.to_bytes(), content_type="application/json")

    async def invoice_pdf(self, request: web.Request) -> web.Response:
        """The same invoice for the customer; always the same bytes."""
        number = request.match_info["number"]
        issued = await self._issued(number)
        if issued is None:
            return problem(404, f"no invoice {number!r}")
        document = await asyncio.to_thread(_drawn, issued)
        headers = {"Content-Disposition": f'inline; filename="{issued.number}.pdf"'}
        return web.Response(body=document, content_type="application/pdf", headers=headers)

    async def _issued(self, number: str) -> InvoiceIssued | None:
        for entity in await self._runtime.tagged(f"invoice:{number}", limit=1):
            for recorded in await self._runtime.history(entity):
                if isinstance(recorded.event, InvoiceIssued) and recorded.event.number == number:
                    return await self._opens.open(recorded.event)
        return None

    async def money(self, request: web.Request) -> web.Response:
        """What an order owes, paid, got back and was invoiced, and every posting of it."""
        order = request.match_info["id"]
        payment = await self._runtime.state(payment_entity(order))
        if payment is None:
            return _no_payment(order)
        history = await self._runtime.history(payment_entity(order))
        return reply(views.money_view(payment, history))

    @takes(Confirmed)
    async def confirm_refund(self, request: web.Request) -> web.Response:
        """A person says that the channel gave the money back; 409 where it owes none."""
        said = await read_body(request, Confirmed)
        this = request.match_info["id"]
        return await self._decide(ConfirmRefund(order_id=this, **said.model_dump()))

    @takes(Signed)
    async def retry_refund(self, request: web.Request) -> web.Response:
        """Ask again for a refund that the gateway refused or a person denied: 202 where it waits for a second one."""
        signed = await read_body(request, Signed)
        this = request.match_info["id"]
        return await self._decide(RetryRefund(order_id=this, **signed.model_dump()))

    async def _decide(self, command: ConfirmRefund | RetryRefund) -> web.Response:
        if await self._runtime.state(payment_entity(command.order_id)) is None:
            return _no_payment(command.order_id)
        outcome = await self._runtime.execute(command)
        waits = any(isinstance(event, RefundRequested) for event in outcome.events)
        return answer(outcome, 202 if waits else 200)

    async def ledger(self, _: web.Request) -> web.Response:
        """The trial balance: every account of every currency, and whether they add up to nothing."""
        entities = await self._runtime.tagged("ledger", limit=500)
        return reply(views.trial_balance(await self._runtime.states(entities)))


def _no_payout(request: web.Request) -> web.Response:
    named = request.match_info["id"]
    return problem(
        404, f"no payout {named!r}: its statement has not come in; GET /payouts lists the newest results"
    )


def _waiting(payment: Payment) -> Waiting:
    request = payment.request
    assert request is not None
    return Waiting(
        id=request.refund_id,
        kind="refund",
        about=payment.order_id,
        detail=f"refund of order {payment.order_id}",
        currency=payment.currency,
        amount_minor=request.amount_minor,
        asked_by=request.actor,
        asked_at=request.asked_at,
        reason=request.reason,
    )


def _approve(refund: str, signed: Signed) -> ApproveRefund:
    return ApproveRefund(order_id=order_in(refund), refund_id=refund, **signed.model_dump())


def _deny(refund: str, signed: Signed) -> DenyRefund:
    return DenyRefund(order_id=order_in(refund), refund_id=refund, **signed.model_dump())


APPROVALS = Approvals(
    entity_of=lambda refund: payment_entity(order_in(refund)),
    show=_waiting,
    approve=_approve,
    deny=_deny,
)
"""Refunds above the limit, by the refund's id."""


def _no_payment(order_id: str) -> web.Response:
    return problem(404, f"no payment is known for order {order_id!r}")


async def _read_csv(request: web.Request) -> Statement:
    """The CSV body as a statement, handed in by `?actor=`. Answers 422 with the line and column, or the parameter."""
    about: dict[str, Any] = {
        name: request.query[name] for name in ("provider", "payout_id", "currency") if name in request.query
    }
    total = request.query.get("total_minor", request.query.get("total"))
    if total is not None:
        about["total_minor"] = total
    about["actor"] = signer(request, request.query.get("actor", ""))
    try:
        return from_csv((await request.read()).decode(), about)
    except StatementUnreadable as wrong:
        raise _unprocessable(str(wrong), wrong.field) from None
    except UnicodeDecodeError:
        raise _unprocessable("the file is not UTF-8", "body") from None
    except ValidationError as wrong:
        fault = first_fault(wrong)
        raise _unprocessable(f"{fault.path}: {fault.says}", fault.path) from None


def _unprocessable(error: str, field: str) -> web.HTTPUnprocessableEntity:
    body = orjson.dumps({"error": error, "field": field})
    return web.HTTPUnprocessableEntity(body=body, content_type="application/json")


def _drawn(invoice: InvoiceIssued) -> bytes:
    """The PDF. What draws it is loaded when the first is asked for: no start waits for that."""
    from services.billing.documents.invoice import render_invoice

    return render_invoice(invoice)
