"""Payouts: each line tied to a capture, a refund or a fee; what is left over is named. Nothing is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.billing import (
    MatchedLine,
    PaymentRefunded,
    PayoutLine,
    PayoutReconciled,
    PayoutReported,
    PayoutUnexplained,
    UnexplainedLine,
)
from contracts.parking import REFUSALS
from services.billing.domain.answers import Refunded
from services.billing.domain.commands import ReportPayout
from tests.billing.makers import (
    ORDER,
    PAYMENT,
    billing,
    cancelled,
    captured,
    due,
    entry,
    goods,
    requested,
    started,
)
from tests.spec import Answered, Given, Then

BY_GATEWAY = requested(order="shopify:1001", state="unpaid")
BY_CHANNEL = requested(goods("BOOK", 5000), order="shopify:1002", reference="txn-1002")
SOLD = (
    due(BY_GATEWAY),
    started(BY_GATEWAY),
    captured(BY_GATEWAY, "gateway", "ch_9"),
    due(BY_CHANNEL),
    captured(BY_CHANNEL),
)


def charge(reference: str, gross: int, fee: int = 0) -> PayoutLine:
    return PayoutLine(
        kind="charge", reference=reference, gross_minor=gross, fee_minor=fee, net_minor=gross - fee
    )


def refund(reference: str, gross: int) -> PayoutLine:
    return PayoutLine(kind="refund", reference=reference, gross_minor=gross, net_minor=gross)


def fee(net: int) -> PayoutLine:
    return PayoutLine(kind="fee", gross_minor=net, net_minor=net)


def statement(*lines: PayoutLine, **of: Any) -> ReportPayout:
    total = sum(line.net_minor for line in lines)
    return ReportPayout(
        **{
            "provider": "shopify",
            "payout_id": "po_1",
            "currency": "EUR",
            "total_minor": total,
            "lines": lines,
        }
        | of
    )


def reported(of: ReportPayout) -> PayoutReported:
    return PayoutReported(
        payout_id=of.payout_id,
        provider=of.provider,
        currency=of.currency,
        total_minor=of.total_minor,
        lines=of.lines,
    )


def result(then: Then) -> Any:
    return then.events[-1]


def named(then: Then) -> list[tuple[int, int]]:
    """The unexplained lines of the last payout: (line, amount)."""
    return [(line.line, line.amount_minor) for line in result(then).unexplained]


def test_every_cent_is_tied() -> None:
    """A gateway charge, a channel charge and a fee of its own: reconciled, fees and clearing booked."""
    payout = statement(charge("pay-shopify:1001-1", 11900, 375), charge("txn-1002", 5000, 175), fee(-250))
    billing.given(*SOLD).when(payout).then(
        reported(payout),
        PayoutReconciled(
            payout_id="po_1",
            provider="shopify",
            matched_minor=16100,
            matched=(
                MatchedLine(
                    line=0, order_id="shopify:1001", amount_minor=11525, settles="pay-shopify:1001-1"
                ),
                MatchedLine(line=1, order_id="shopify:1002", amount_minor=4825, settles="pay-shopify:1002-1"),
                MatchedLine(line=2, amount_minor=-250),
            ),
            entry=entry(
                "EUR",
                ("payouts_in_transit", 16100),
                ("gateway_clearing", -11900),
                ("fees", 800),
                ("channel_clearing:shopify", -5000),
            ),
        ),
    )


def test_the_worked_example_of_a_payout_is_tied_to_the_cent() -> None:
    """7.13: 100.00, 49.99 and 250.00 less their fees, a refund of 20.00, a dispute of 49.99 and its fee: 302.55.

    The dispute is tied to nothing yet: it is named, and the sum stays whole.
    """
    sales = [
        requested(goods("THING", gross), order=f"shopify:{n}", reference=f"txn-{n}")
        for n, gross in enumerate((10_000, 4_999, 25_000, 2_000), 1)
    ]
    sold = billing.given(*(fact for asked in sales for fact in (due(asked), captured(asked))))
    back = sold.when(cancelled(order="shopify:4", by_channel=True))
    dispute = PayoutLine(kind="adjustment", reference="txn-2", gross_minor=-4_999, net_minor=-4_999)
    payout = statement(
        charge("txn-1", 10_000, 320),
        charge("txn-2", 4_999, 170),
        charge("txn-3", 25_000, 755),
        refund("shopify:4", -2_000),
        dispute,
        fee(-1_500),
    )
    assert payout.total_minor == 30_255
    told = result(Given(back.world).when(payout))
    assert "refund-shopify:4-1" in {line.settles for line in told.matched}
    assert told.matched_minor + told.unexplained_minor == 30_255
    assert [(line.line, line.amount_minor) for line in told.unexplained] == [(4, -4_999)]


@pytest.mark.parametrize("reference", ["pay-shopify:1002-1", "shopify:1002", "1002", "txn-1002"])
def test_a_line_may_name_a_capture_in_any_way_providers_do(reference: str) -> None:
    """Our payment id, our order id, the channel's order number, or the channel's own transaction."""
    outcome = result(billing.given(*SOLD).when(statement(charge(reference, 5000))))
    assert outcome.matched[0].settles == "pay-shopify:1002-1"


def test_the_gateways_own_id_is_found_and_a_provider_may_pay_for_a_channel_of_another_name() -> None:
    """`ch_9` is the gateway's; `shopify_payments` pays out what `shopify` sold."""
    payout = statement(charge("ch_9", 11900), charge("1002", 5000), provider="shopify_payments")
    assert isinstance(result(billing.given(*SOLD).when(payout)), PayoutReconciled)


def test_an_unknown_reference_is_named_and_the_rest_is_matched() -> None:
    """Paid, but for what? Its whole net is unexplained, in its own account."""
    payout = statement(charge("txn-1002", 5000, 175), charge("ch_stranger", 2000, 88))
    after = billing.given(*SOLD).when(payout)
    after.then(
        reported(payout),
        PayoutUnexplained(
            payout_id="po_1",
            provider="shopify",
            matched_minor=4825,
            unexplained_minor=1912,
            matched=(
                MatchedLine(line=0, order_id="shopify:1002", amount_minor=4825, settles="pay-shopify:1002-1"),
            ),
            unexplained=(
                UnexplainedLine(
                    line=1, reason="no capture with the reference 'ch_stranger' is known", amount_minor=1912
                ),
            ),
            entry=entry(
                "EUR",
                ("payouts_in_transit", 6737),
                ("channel_clearing:shopify", -5000),
                ("fees", 175),
                ("unexplained", -1912),
            ),
        ),
    )


@pytest.mark.parametrize(("gross", "rest"), [(5500, 500), (4500, -500)])
def test_a_wrong_amount_is_matched_in_part_and_the_rest_named(gross: int, rest: int) -> None:
    """The capture explains what was captured; too much and too little both show, with their sign."""
    after = billing.given(*SOLD).when(statement(charge("txn-1002", gross, 175)))
    outcome = result(after)
    assert (outcome.matched_minor, named(after)) == (4825, [(0, rest)])
    assert "50.00 EUR expected" in outcome.unexplained[0].reason


def test_a_net_that_is_not_gross_less_fee_is_named() -> None:
    """The line contradicts itself; the difference is not hidden in the fees."""
    wrong = PayoutLine(kind="charge", reference="txn-1002", gross_minor=5000, fee_minor=175, net_minor=4800)
    after = billing.given(*SOLD).when(statement(wrong))
    assert named(after) == [(0, -25)]
    assert "net is not its gross less its fee" in result(after).unexplained[0].reason


def test_a_capture_is_paid_out_once() -> None:
    """Again in the same payout, or in a later one: the second time explains nothing."""
    twice = statement(charge("txn-1002", 5000), charge("shopify:1002", 5000))
    after = billing.given(*SOLD).when(twice)
    assert named(after) == [(1, 5000)]
    assert "already paid out in line 0" in result(after).unexplained[0].reason
    later = Given(after.world).when(statement(charge("1002", 5000), payout_id="po_2"))
    assert named(later) == [(0, 5000)]
    assert "already paid out in payout shopify:po_1" in result(later).unexplained[0].reason


def test_a_total_that_its_lines_do_not_make_is_line_minus_one() -> None:
    """The statement contradicts itself: the rest belongs to no line."""
    after = billing.given(*SOLD).when(statement(charge("txn-1002", 5000), total_minor=5100))
    assert named(after) == [(-1, 100)]


def test_another_currency_and_an_uncaptured_attempt_explain_nothing() -> None:
    """Not guessed at a rate; and a failed attempt was never paid."""
    asked = requested(order="shopify:7", state="unpaid", attempt=2, currency="USD")
    payout = statement(charge("pay-shopify:7-2", 11900), charge("pay-shopify:1001-4", 11900), charge("", 1))
    after = billing.given(*SOLD, due(asked), started(asked), captured(asked, "gateway")).when(payout)
    assert named(after) == [(0, 11900), (1, 11900), (2, 1)]
    assert "is in USD, the payout in EUR" in result(after).unexplained[0].reason


def test_a_refund_that_comes_back_is_not_taken_for_the_capture() -> None:
    """A reversed refund is paid in under the refund's id: the capture is still to be paid out, and then explains."""
    reversed_refund, capture = (
        charge("refund-shopify:1001-1", 11900),
        charge("pay-shopify:1001-1", 11900, 375),
    )
    after = billing.given(*SOLD).when(statement(reversed_refund, capture))
    assert (result(after).matched_minor, named(after)) == (11525, [(0, 11900)])


@pytest.mark.parametrize(("currency", "gross"), [("JPY", 9_899), ("KWD", 12_345)])
def test_payouts_of_currencies_with_no_and_three_decimals_are_tied(currency: str, gross: int) -> None:
    """7.11: minor units are minor units; what is named is named in the currency's own decimals."""
    asked = requested(goods("THING", gross), order="shopify:8", currency=currency, reference="txn-8")
    payout = statement(charge("txn-8", gross + 1, 5), currency=currency)
    after = billing.given(due(asked), captured(asked)).when(payout)
    assert (result(after).matched_minor, named(after)) == (gross - 5, [(0, 1)])
    said = {"JPY": "9899 JPY expected, 9900 JPY", "KWD": "12.345 KWD expected, 12.346 KWD"}[currency]
    assert said in result(after).unexplained[0].reason


def test_adjustments_are_named_even_where_they_cancel_out() -> None:
    """A reserve taken and given back sums to nothing, and still nobody explained it."""
    lines = [
        PayoutLine(kind="adjustment", reference=r, gross_minor=n, net_minor=n)
        for r, n in (("", -50), ("1002", 50))
    ]
    after = billing.given(*SOLD).when(statement(*lines))
    assert isinstance(result(after), PayoutUnexplained)
    assert named(after) == [(0, -50), (1, 50)]
    assert "of order shopify:1002" in result(after).unexplained[1].reason


@pytest.mark.parametrize("reference", ["refund-shopify:1001-1", "re_4", "pay-shopify:1001-1", "shopify:1001"])
def test_a_refund_line_is_tied_to_the_refund_once(reference: str) -> None:
    """By the refund's own reference, or by the payment it belongs to."""
    refund_id = f"refund-{ORDER}-1"
    back = billing.given(*SOLD).when(
        cancelled(), Answered(PAYMENT, refund_id, Refunded(refund_id, "re_4", 11900, "EUR"))
    )
    assert isinstance(back.events[-1], PaymentRefunded)
    payout = statement(charge("ch_9", 11900, 375), refund(reference, -11900), refund(reference, -11900))
    after = Given(back.world).when(payout)
    assert result(after).matched_minor == -375
    assert named(after) == [(2, -11900)]
    assert after.state("ledger/EUR").balances["gateway_clearing"] == 0


def test_the_same_payout_again_changes_nothing() -> None:
    """Uploaded twice: the first result stands."""
    payout = statement(charge("txn-1002", 5000))
    after = billing.given(*SOLD).when(payout, payout)
    assert len(after.events) == 2
    assert after.state("payout/shopify:po_1").state == "reconciled"


def test_the_same_id_with_other_content_is_refused() -> None:
    """A payout is never changed afterwards; the refusal is recorded and changes no state."""
    first = billing.given(*SOLD).when(statement(charge("txn-1002", 5000)))
    before = first.state("payout/shopify:po_1")
    Given(first.world).when(statement(charge("txn-1002", 4999))).then(
        REFUSALS["billing"].command_refused(
            entity="payout/shopify:po_1",
            command="ReportPayout",
            state="reconciled",
            allowed=(),
            reason="a payout with this id is known, with other lines or another total; "
            "it is never changed afterwards",
            actor="shopify",
        )
    )
    assert first.world.state("payout/shopify:po_1") == before


REFERENCES = st.sampled_from(
    ["txn-1002", "1002", "pay-shopify:1001-1", "ch_9", "unknown", "", "refund-shopify:1001-1"]
)
LINES = st.builds(
    PayoutLine,
    kind=st.sampled_from(["charge", "refund", "fee", "adjustment"]),
    reference=REFERENCES,
    gross_minor=st.integers(-20_000, 20_000),
    fee_minor=st.integers(-500, 500),
    net_minor=st.integers(-20_000, 20_000),
)


@given(payouts=st.lists(st.tuples(st.lists(LINES, max_size=8), st.integers(-50_000, 50_000)), max_size=4))
def test_matched_and_unexplained_are_always_the_total(payouts: list[tuple[list[PayoutLine], int]]) -> None:
    """Whatever a provider sends: nothing is hidden, nothing is settled twice, the books stay balanced."""
    statements = [
        statement(*lines, total_minor=total, payout_id=f"po_{n}") for n, (lines, total) in enumerate(payouts)
    ]
    after = billing.given(*SOLD).when(*statements)
    settled: list[str] = []
    for asked, outcome in zip(statements, after.events[1::2], strict=True):
        assert outcome.matched_minor == sum(line.amount_minor for line in outcome.matched)
        assert outcome.matched_minor + getattr(outcome, "unexplained_minor", 0) == asked.total_minor
        settled += [line.settles for line in outcome.matched if line.settles]
    assert len(settled) == len(set(settled))
    assert sum(after.world.state("ledger/EUR").balances.values()) == 0
