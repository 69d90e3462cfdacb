"""Refunds above the limit: one person asks, another one decides, and money moves once, after that."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contracts.billing import (
    PaymentClosed,
    RefundApproved,
    RefundDenied,
    RefundFailed,
    RefundRequested,
    RefundStarted,
)
from contracts.orders import RefundReported
from contracts.parking import REFUSALS, CommandRefused
from contracts.second_person import WAITS, Decided
from services.billing.domain.answers import Captured, Declined, RefundCall
from services.billing.domain.commands import ApproveRefund, ConfirmRefund, DenyRefund, RetryRefund
from services.billing.domain.payment import RefundRequest, tags
from services.billing.settings import BillingSettings
from services.billing.wiring import declare
from tests.billing.makers import ORDER, PAYMENT, SHOP, cancelled, captured, due, requested, started
from tests.billing.test_refunding import PAID, REFUND, UNPAID, refund_started, refunded
from tests.spec import NOON, Answered, Spec

ATTEMPT = f"pay-{ORDER}-1"
CAPTURED = (due(UNPAID), started(UNPAID), captured(UNPAID, "gateway"))
AT_CHANNEL = f"shopify-{REFUND}"


def billing(limit_minor: int | None = 10_000, currency: str = "EUR") -> Spec:
    limits = {} if limit_minor is None else {currency: limit_minor}
    return Spec(declare(BillingSettings(refund_limits_minor=limits), SHOP))


def asked(actor: str = "anna", reason: str = "customer asked", number: int = 1) -> RefundRequested:
    return RefundRequested(
        order_id=ORDER,
        refund_id=f"refund-{ORDER}-{number}",
        currency="EUR",
        amount_minor=11900,
        reason=reason,
        actor=actor,
        asked_at=NOON,
    )


def approve(actor: str = "mira", number: int = 1) -> ApproveRefund:
    return ApproveRefund(
        order_id=ORDER, refund_id=f"refund-{ORDER}-{number}", actor=actor, reason="as agreed"
    )


def deny(actor: str = "mira") -> DenyRefund:
    return DenyRefund(order_id=ORDER, refund_id=REFUND, actor=actor, reason="was never sent back")


def approved(actor: str = "mira", number: int = 1) -> RefundApproved:
    return RefundApproved(
        order_id=ORDER, refund_id=f"refund-{ORDER}-{number}", actor=actor, reason="as agreed"
    )


DENIED = RefundDenied(order_id=ORDER, refund_id=REFUND, actor="mira", reason="was never sent back")


def after_approval(**changes: Any) -> RefundStarted:
    """Who asked for it is the refund's actor; who approved stands in the event before."""
    return refund_started().model_copy(update={"actor": "anna", **changes})


def refused(command: str, state: str, reason: str, *allowed: str, actor: str = "mira") -> CommandRefused:
    return REFUSALS["billing"].command_refused(
        entity=PAYMENT, command=command, state=state, allowed=allowed, reason=reason, actor=actor
    )


DECISIONS = ("ApproveRefund", "DenyRefund")
NOT_BY_ANNA = "anna asked for this refund: somebody else has to approve or deny it"


@pytest.mark.parametrize("limit_minor", [11900, None])
def test_up_to_the_limit_and_without_one_nobody_else_is_asked(limit_minor: int | None) -> None:
    """A limit of 119.00 lets 119.00 pass."""
    billing(limit_minor).given(*CAPTURED).when(cancelled()).then(refund_started())


def test_a_limit_is_for_its_own_currency() -> None:
    """Yen say nothing about euros."""
    billing(0, "JPY").given(*CAPTURED).when(cancelled()).then(refund_started())


@pytest.mark.parametrize("limit_minor", [0, 11899])
def test_above_the_limit_the_refund_is_asked_for_and_nothing_moves(limit_minor: int) -> None:
    """However often the order is cancelled: one request, no call to the gateway, and it is found as waiting."""
    after = billing(limit_minor).given(*CAPTURED).when(cancelled(), cancelled()).then(asked())
    assert not after.world.calls()
    assert WAITS in tags(after.state(PAYMENT))


def test_a_second_person_approves_and_the_gateway_is_asked_once() -> None:
    """Approved and started in one decision; the same approval again, after a lost answer, changes nothing."""
    after = billing().given(*CAPTURED, asked()).when(approve(), approve())
    after.then(approved(), after_approval())
    (call,) = after.world.calls().values()
    assert call.payload == RefundCall(REFUND, ATTEMPT, 11900, "EUR")
    assert WAITS not in tags(after.state(PAYMENT))


@pytest.mark.parametrize("actor", ["anna", "Anna", "  anna "])
def test_who_asked_can_neither_approve_nor_deny(actor: str) -> None:
    """Capitals and spaces make no second person. The refusal is kept, and the request goes on waiting."""
    after = billing().given(*CAPTURED, asked()).when(approve(actor), deny(actor))
    after.then(
        refused("ApproveRefund", "refund_requested", NOT_BY_ANNA, *DECISIONS, actor=actor),
        refused("DenyRefund", "refund_requested", NOT_BY_ANNA, *DECISIONS, actor=actor),
    )
    assert not after.world.calls()
    assert WAITS in tags(after.state(PAYMENT))


def test_a_denied_refund_moves_nothing_and_can_be_asked_for_again() -> None:
    """By whoever takes it up: then somebody else than that person decides."""
    again = RetryRefund(order_id=ORDER, actor="mira", reason="it came back after all")
    after = billing().given(*CAPTURED, asked()).when(deny(), deny(), again, approve("mira"), approve("anna"))
    after.then(
        DENIED,
        asked("mira", "it came back after all"),
        refused(
            "ApproveRefund",
            "refund_requested",
            "mira asked for this refund: somebody else has to approve or deny it",
            *DECISIONS,
        ),
        approved("anna"),
        after_approval(actor="mira", reason="it came back after all"),
    )


def test_what_does_not_wait_cannot_be_decided() -> None:
    """Never asked for, decided otherwise, or by a third person after the second: refused with what is allowed."""
    nothing = "this refund does not wait for a second person"
    billing().given(*CAPTURED).when(approve()).then(refused("ApproveRefund", "captured", nothing))
    billing().given(*CAPTURED, asked(), DENIED).when(approve()).then(
        refused("ApproveRefund", "refund_denied", nothing, "RetryRefund")
    )
    billing().given(*CAPTURED, asked(), approved(), after_approval()).when(approve("otto"), deny()).then(
        refused("ApproveRefund", "refunding", nothing, actor="otto"),
        refused("DenyRefund", "refunding", nothing),
    )


def test_another_refund_of_the_order_is_not_approved_with_it() -> None:
    """An approval names its refund: one that was meant for the first is none for the second."""
    failed = RefundFailed(order_id=ORDER, refund_id=REFUND, reason="account closed")
    retried = RetryRefund(order_id=ORDER, actor="otto", reason="a new account")
    second = f"refund-{ORDER}-2"
    after = billing().given(*CAPTURED, asked(), approved(), after_approval(), failed)
    then = after.when(retried, approve("mira"), approve("mira", number=2))
    then.then(
        asked("otto", "a new account", number=2),
        refused(
            "ApproveRefund",
            "refund_requested",
            "this refund does not wait for a second person",
            *DECISIONS,
        ),
        approved("mira", number=2),
        after_approval(refund_id=second, reference=second, actor="otto", reason="a new account"),
    )


def test_a_refused_refund_needs_two_people_again() -> None:
    """The gateway said no: whoever has it tried again asks, and does not approve."""
    failed = billing().given(*CAPTURED, asked(), approved(), after_approval())
    after = failed.when(
        Answered(PAYMENT, REFUND, Declined(REFUND, "account closed")),
        RetryRefund(order_id=ORDER, actor="mira", reason="a new account"),
    )
    after.then(
        RefundFailed(order_id=ORDER, refund_id=REFUND, reason="account closed"),
        asked("mira", "a new account", number=2),
    )


def test_money_that_arrives_after_the_cancellation_waits_too() -> None:
    """The one who cancelled asked for it, though nobody knew then whether there would be any."""
    closed = PaymentClosed(order_id=ORDER, reason="customer asked", actor="anna")
    after = billing().given(due(UNPAID), started(UNPAID), closed)
    then = after.when(Answered(PAYMENT, ATTEMPT, Captured(ATTEMPT, "ch_1", 11900, "EUR")))
    then.then(captured(UNPAID, "gateway", "ch_1"), asked())
    assert not then.world.calls()


def test_a_refund_at_the_channel_is_due_only_when_approved() -> None:
    """A person gives it back there by hand: not before a second one agrees, and then says so."""
    confirm = ConfirmRefund(order_id=ORDER, actor="mira", reason="done in the admin", reference="re-9")
    after = billing().given(due(PAID), captured(PAID)).when(cancelled(), confirm, approve(), confirm)
    after.then(
        asked(),
        refused("ConfirmRefund", "refund_requested", "no refund is due from the channel", *DECISIONS),
        approved(),
        refund_started("channel", AT_CHANNEL).model_copy(update={"actor": "anna"}),
        refunded("channel_clearing:shopify", AT_CHANNEL, "re-9").model_copy(
            update={"actor": "mira", "reason": "done in the admin"}
        ),
    )


@pytest.mark.parametrize("decided", [(), (DENIED,)])
def test_what_the_channel_has_given_back_is_a_fact(decided: tuple[RefundDenied, ...]) -> None:
    """No approval of ours holds back money that is gone: it is booked, whether it was waited for or denied."""
    reported = RefundReported(order_id=ORDER, channel="shopify")
    after = billing().given(due(PAID), captured(PAID), asked(), *decided).when(reported, reported)
    after.then(refund_started("channel", AT_CHANNEL), refunded("channel_clearing:shopify", AT_CHANNEL))
    billing().given(due(PAID), captured(PAID)).when(cancelled(by_channel=True)).then(
        refund_started("channel", AT_CHANNEL), refunded("channel_clearing:shopify", AT_CHANNEL)
    )


def test_a_channel_that_cancels_what_our_gateway_collected_asks_as_anybody_else() -> None:
    """Nobody has given that money back yet."""
    after = billing().given(*CAPTURED).when(cancelled(by_channel=True))
    after.then(asked())


def test_the_limit_is_read_from_any_spelling_of_the_currency() -> None:
    """The environment gives names in small letters; a code that is none is refused at the start."""
    assert BillingSettings(refund_limits_minor={"eur": "500"}).refund_limits_minor == {"EUR": 500}
    for wrong in ({"XQZ": 1}, {"EUR": -1}):
        with pytest.raises(ValueError, match="refund_limits_minor"):
            BillingSettings(refund_limits_minor=wrong)


def test_a_payment_of_another_currency_is_asked_for_in_its_own() -> None:
    """1,190 yen, above a limit of none."""
    yen = requested(state="unpaid", currency="JPY", total=1190)
    after = billing(0, "JPY").given(due(yen), started(yen), captured(yen, "gateway")).when(cancelled())
    (request,) = after.events
    assert isinstance(request, RefundRequested)
    assert (request.currency, request.amount_minor) == ("JPY", 1190)


def test_a_request_that_an_earlier_release_stored_still_waits() -> None:
    """It had another word for it; the row is read as it is, and written in today's words with its next change."""
    row = {"refund_id": REFUND, "amount_minor": 11900, "actor": "anna", "reason": "customer asked"}
    stored = msgspec.json.encode({**row, "asked_at": NOON, "decided": "not_yet"})
    request = msgspec.json.decode(stored, type=RefundRequest)
    assert request.decided is Decided.WAITING
    assert b'"decided":"waiting"' in msgspec.json.encode(request)
