"""The second person: a refund above the limit is approved or denied by somebody who did not ask for it."""

from __future__ import annotations

from contracts.billing import RefundApproved, RefundDenied
from contracts.event import Event
from contracts.second_person import Decided, same_person
from services.billing.domain.commands import ApproveRefund, DenyRefund
from services.billing.domain.giving_back import give_back
from services.billing.domain.payment import Payment, RefundRequest, Stage, payment_of
from services.billing.domain.refusals import refused
from services.billing.domain.world import World

NOTHING_WAITS = "this refund does not wait for a second person"


def approve_refund(command: ApproveRefund, world: World) -> list[Event]:
    """Approved and started in one decision, so that it happens once; the same approval again changes nothing."""
    payment = payment_of(command.order_id, world)
    request = payment.request
    if request is None or not _waits(payment, command):
        return _already(payment, command, Decided.APPROVED)
    if fault := _not_alone(request, command):
        return [refused(payment, command, fault)]
    approved = RefundApproved(
        order_id=payment.order_id,
        refund_id=request.refund_id,
        actor=command.actor,
        reason=command.reason,
    )
    return [approved, give_back(payment, request.amount_minor, request.reason, request.actor)]


def deny_refund(command: DenyRefund, world: World) -> list[Event]:
    """Nothing is given back; the same denial again changes nothing."""
    payment = payment_of(command.order_id, world)
    request = payment.request
    if request is None or not _waits(payment, command):
        return _already(payment, command, Decided.DENIED)
    if fault := _not_alone(request, command):
        return [refused(payment, command, fault)]
    return [
        RefundDenied(
            order_id=payment.order_id,
            refund_id=request.refund_id,
            actor=command.actor,
            reason=command.reason,
        )
    ]


def _waits(payment: Payment, command: ApproveRefund | DenyRefund) -> bool:
    request = payment.request
    is_meant = request is not None and request.refund_id == command.refund_id
    return is_meant and payment.stage is Stage.REFUND_REQUESTED


def _already(payment: Payment, command: ApproveRefund | DenyRefund, decided: Decided) -> list[Event]:
    """Nothing where this very person decided just that before, and only the answer was lost; else a refusal."""
    request = payment.request
    if request is not None and _is_repeated(request, command, decided):
        return []
    return [refused(payment, command, NOTHING_WAITS)]


def _is_repeated(request: RefundRequest, command: ApproveRefund | DenyRefund, decided: Decided) -> bool:
    is_decided = request.refund_id == command.refund_id and request.decided is decided
    return is_decided and same_person(request.decided_by, command.actor)


def _not_alone(request: RefundRequest, command: ApproveRefund | DenyRefund) -> str:
    """Why this person may not decide; empty where they may."""
    if not same_person(request.actor, command.actor):
        return ""
    return f"{request.actor} asked for this refund: somebody else has to approve or deny it"
