"""The books: balanced at every point, whatever orders go through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.billing import JournalEntry, Posting, UnbalancedEntry
from contracts.event import Event
from services.billing.domain import ledger
from services.billing.domain.answers import Captured, Declined, RefundCall, Refunded
from services.billing.places import PLACES
from tests.billing.makers import billing, billing_service, cancelled, delivery, goods, parcel, requested, tax
from tests.spec import Answered, Given, Memory, Then


def test_an_unbalanced_entry_cannot_be_built() -> None:
    """Not by mistake, not by a decision: building it raises."""
    with pytest.raises(UnbalancedEntry, match="by 1 EUR"):
        JournalEntry(currency="EUR", postings=(Posting(account="fees", amount_minor=1),))


def test_every_event_with_an_entry_reaches_the_ledger() -> None:
    """A fact that books money and does not touch the balances would be a hole in them."""
    booking = {model for model in PLACES if "entry" in model.model_fields}
    assert {model.__name__ for model in booking} == {
        "PaymentCaptured",
        "PaymentRefunded",
        "InvoiceIssued",
        "PayoutReconciled",
        "PayoutUnexplained",
    }


def test_every_event_of_billing_has_a_place_and_every_kind_knows_its_events() -> None:
    """A place without an evolve would park every message that causes it."""
    assert all(isinstance(model, type) and issubclass(model, Event) for model in PLACES)
    assert {kind.name for kind in billing_service.kinds} == {"payment", "series", "payout", "ledger"}


def test_sub_accounts_have_their_accounts_title() -> None:
    """The trial balance names every account, one per channel and rate."""
    assert ledger.title_of("vat_payable:0.19") == ledger.CHART["vat_payable"]
    assert ledger.title_of(ledger.clearing_of("channel", "retail")) == ledger.CHART["channel_clearing"]


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["paid", "unpaid"]),
        st.integers(0, 50_000),
        st.sampled_from(["0.07", "0.19", "0.21"]),
        st.sampled_from(["EUR", "JPY", "KWD"]),
        st.sampled_from(["ship", "cancel", "decline", "cancel in flight", "download"]),
        st.booleans(),
    ),
    max_size=12,
)


@given(orders=ORDERS)
def test_debits_equal_credits_for_any_orders(orders: list[tuple[str, int, str, str, str, bool]]) -> None:
    """Captured, declined, invoiced, refunded, in three currencies: every balance sheet adds up to nothing."""
    world = billing.given().world
    for number, (state, total, rate, currency, end, inclusive) in enumerate(orders):
        order = f"shop:{number}"
        lines = (goods("A", total, tax(rate, total // 10)), delivery(490, tax(rate, 50)))
        asked = requested(
            *lines, order=order, state=state, currency=currency, inclusive=inclusive, ships=end != "download"
        )
        Given(world).when(asked)
        if end == "cancel in flight":
            Given(world).when(cancelled(order, by_channel=True))
        answer_all(world, decline=end == "decline")
        if world.states[f"payment/{order}"].stage == "captured" and end != "download":
            Given(world).when(
                cancelled(order, by_channel=True) if end == "cancel" else parcel(("A", 1), order=order)
            )
        answer_all(world, decline=False)
    for book in (state for entity, state in world.states.items() if entity.startswith("ledger/")):
        assert sum(book.balances.values()) == 0
        assert book.balances.get("customer_receivable", 0) == 0
    assert not world.calls()


def answer_all(world: Memory, *, decline: bool) -> Then | None:
    """The gateway answers whatever it is asked, until nothing is."""
    after = None
    while calls := world.calls():
        for (entity, key), call in calls.items():
            asked, made = call.payload, Refunded if isinstance(call.payload, RefundCall) else Captured
            answer = made(asked.reference, "id", asked.amount_minor, asked.currency)
            after = Given(world).when(Answered(entity, key, Declined(key, "no") if decline else answer))
    return after
