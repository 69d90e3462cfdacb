"""Refusals are events: what was asked, by whom, at which stage of the payment, and what could be asked instead."""

from __future__ import annotations

from contracts.parking import REFUSALS, CommandRefused
from services.billing.domain.commands import ApproveRefund, ConfirmRefund, DenyRefund, RetryRefund
from services.billing.domain.payment import ALLOWED, Payment, payment_entity

REFUSED = REFUSALS["billing"].command_refused

type RefundCommand = ConfirmRefund | RetryRefund | ApproveRefund | DenyRefund


def refused(payment: Payment, command: RefundCommand, reason: str) -> CommandRefused:
    """The refusal of a command about a payment."""
    return REFUSED(
        entity=payment_entity(payment.order_id),
        command=type(command).__name__,
        state=payment.stage.value,
        allowed=ALLOWED.get(payment.stage, ()),
        reason=reason,
        actor=command.actor,
    )
