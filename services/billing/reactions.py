"""Who makes billing act: messages, commands and answers, each with the decision that follows and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chassis.declare import Answer, Call, Effect, Step, key_of
from contracts.event import Event
from contracts.orders import OrderCancelled, PaymentRequested, RefundReported
from contracts.shipping import ParcelDispatched
from services.billing.domain import approving, collecting, invoicing, payment, reconciling, refunding
from services.billing.domain.answers import CaptureCall, RefundCall
from services.billing.domain.commands import (
    ApproveRefund,
    ConfirmRefund,
    DenyRefund,
    ReportPayout,
    RetryRefund,
)
from services.billing.domain.payment import payment_entity
from services.billing.domain.world import World
from services.billing.gateways.gateway import Gateway

CAPTURE, REFUND = "capture", "refund"
CALL_KINDS: Mapping[type, str] = {CaptureCall: CAPTURE, RefundCall: REFUND}


def steps_on_event(series: str) -> dict[type[Event], Step]:
    """Other services' facts that billing acts on. `series` is the invoice series in use."""

    def for_invoice(parcel: ParcelDispatched) -> tuple[str, ...]:
        return (payment_entity(parcel.order_id), invoicing.series_entity(series))

    def for_payment(asked: PaymentRequested) -> tuple[str, ...]:
        payment = payment_entity(asked.order_id)
        return (payment,) if asked.ships else (payment, invoicing.series_entity(series))

    return {
        PaymentRequested: Step(collecting.when_payment_requested_then_collect, for_payment),
        RefundReported: Step(refunding.when_refund_reported_then_record, _payment),
        OrderCancelled: Step(refunding.when_order_cancelled_then_give_back, _payment),
        ParcelDispatched: Step(invoicing.when_parcel_dispatched_then_issue_invoice, for_invoice),
    }


type OfAnOrder = OrderCancelled | RefundReported | ConfirmRefund | RetryRefund | ApproveRefund | DenyRefund


def _payment(about: OfAnOrder) -> tuple[str, ...]:
    return (payment_entity(about.order_id),)


def steps_on_command(channel_of: Mapping[str, str]) -> dict[type, Step]:
    """What is asked over HTTP."""

    def named(statement: ReportPayout) -> tuple[str, ...]:
        return tuple(reconciling.named_in(statement, channel_of))

    return {
        ReportPayout: Step(reconciling.when_payout_reported_then_reconcile, named),
        ConfirmRefund: Step(refunding.confirm_refund, _payment),
        RetryRefund: Step(refunding.retry_refund, _payment),
        ApproveRefund: Step(approving.approve_refund, _payment),
        DenyRefund: Step(approving.deny_refund, _payment),
    }


def calls(state: payment.Payment) -> dict[str, Call]:
    """What the gateway has to be asked for this payment."""
    return {key: Call(CALL_KINDS[type(asked)], asked) for key, asked in payment.calls(state).items()}


def effects(gateway: Gateway, at_once: int) -> dict[str, Effect]:
    """How the gateway is asked, and what its answers mean."""

    async def capture(_: str, call: CaptureCall) -> Any:
        return await gateway.capture(call)

    async def look_up(_: str, call: CaptureCall) -> Any:
        return await gateway.look_up(call)

    async def refund(_: str, call: RefundCall) -> Any:
        return await gateway.refund(call)

    async def look_up_refund(_: str, call: RefundCall) -> Any:
        return await gateway.look_up_refund(call)

    return {
        CAPTURE: Effect(
            capture,
            _on_answer(collecting.when_capture_answered_then_record),
            ask=look_up,
            in_doubt=_on_answer(collecting.when_capture_unanswered_then_doubt),
            at_once=at_once,
        ),
        REFUND: Effect(
            refund,
            _on_answer(refunding.when_refund_answered_then_record),
            ask=look_up_refund,
            at_once=at_once,
        ),
    }


def _on_answer(decide: Callable[[str, Any, Any, World], list[Event]]) -> Callable[[Answer, Any], list[Event]]:
    """The chassis's answer, taken apart for a decision that knows no chassis."""

    def then(answer: Answer, world: Any) -> list[Event]:
        return decide(key_of(answer.entity), answer.payload, answer.answer, world)

    return then
