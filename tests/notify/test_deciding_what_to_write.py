"""Which facts are worth a message, to whom, and that it is decided once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.address import Recipient
from contracts.event import Event
from contracts.notify import NotificationFailed, NotificationQueued, NotificationSent
from services.notify.domain.letters import Ending, Letters, Rejected, Sent, letters_of, tags
from services.notify.domain.occasions import order_of
from services.notify.domain.reachable import NO_ADDRESS, NOT_AN_ADDRESS, why_unreachable
from services.notify.settings import Settings, Shop
from services.notify.wiring import declare
from tests.notify.facts import (
    ADA,
    NOBODY,
    ORDER,
    accepted,
    confirmation_queued,
    confirmation_suppressed,
    dispatched,
    refunded,
)
from tests.spec import Answered, Spec

notify = Spec(declare(Settings(carrier_names={"own_range": "our own drivers"}), Shop(name="Lampen Lindgren")))
LETTERS = letters_of(ORDER)
CONFIRMATION = f"{ORDER}:order_confirmed"


def parcel_queued(parcel: str = "p1", **facts: str) -> NotificationQueued:
    return NotificationQueued(
        notification_id=f"{ORDER}:parcel_dispatched:{parcel}",
        order_id=ORDER,
        cause=f"parcel/{parcel}",
        template="parcel_dispatched",
        template_version=1,
        recipient=ADA,
        facts={
            "shop": "Lampen Lindgren",
            "order": "1001",
            "carrier": "our own drivers",
            "tracking_number": "DS17",
            "tracking_url": "https://track.example/DS17",
            "units": "3",
            "more": "",
        }
        | facts,
    )


def refund_queued(amount: str, refund: str = "r1") -> NotificationQueued:
    return NotificationQueued(
        notification_id=f"{ORDER}:refund_made:{refund}",
        order_id=ORDER,
        cause=f"refund/{refund}",
        template="refund_made",
        template_version=1,
        recipient=ADA,
        facts={"shop": "Lampen Lindgren", "order": "1001", "amount": amount},
    )


def sent(notification_id: str = CONFIRMATION) -> NotificationSent:
    return NotificationSent(notification_id=notification_id, order_id=ORDER, message_id="<m@shop.example>")


def test_an_accepted_order_is_confirmed() -> None:
    """The customer learns what we understood: the channel's order number, how much and for how much."""
    notify.when(accepted()).then(confirmation_queued())


def test_an_order_with_nothing_to_send_is_confirmed_without_units() -> None:
    """Downloads are accepted with no lines: nobody is told of zero items."""
    notify.when(accepted(lines=())).then(confirmation_queued(units=""))


@pytest.mark.parametrize("fact", [accepted, dispatched, refunded], ids=["accepted", "dispatched", "refunded"])
def test_an_order_is_called_what_the_channel_called_it(fact: Callable[..., Event]) -> None:
    """The channel's id of it is a number that the customer may never have seen."""
    to = replace(ADA, order_number="#7")
    (queued,) = notify.when(fact(to=to)).events
    assert isinstance(queued, NotificationQueued)
    assert (queued.facts["order"], queued.order_id) == ("#7", ORDER)


def test_the_same_acceptance_told_twice_is_confirmed_once() -> None:
    """Redelivery and republishing change nothing."""
    notify.when(accepted(), accepted()).then(confirmation_queued())


def test_an_order_accepted_again_after_a_hold_is_not_confirmed_again() -> None:
    """The customer was told before; the hold was our business."""
    notify.given(confirmation_queued(), sent()).when(accepted(attempt=2)).then_nothing()


def test_a_sent_confirmation_is_never_queued_again() -> None:
    """What was sent is remembered by its id after everything else of it is forgotten."""
    notify.given(confirmation_queued(), sent()).when(accepted()).then_nothing()


def test_without_an_address_the_message_is_suppressed_with_the_reason() -> None:
    """Nobody has to wonder why there was no mail."""
    notify.when(accepted(to=NOBODY)).then(confirmation_suppressed())


def test_a_suppressed_message_stays_suppressed() -> None:
    """An address that comes later does not call up old messages."""
    notify.given(confirmation_suppressed()).when(accepted()).then_nothing()


def test_each_parcel_is_told_of_with_its_own_tracking_link() -> None:
    """Two parcels are two causes."""
    notify.when(dispatched("p1", last=False), dispatched("p2"), dispatched("p1", last=False)).then(
        parcel_queued("p1", more="yes"), parcel_queued("p2")
    )


def test_a_link_that_is_no_web_address_is_left_out() -> None:
    """A carrier's answer must not become a script in somebody's mail."""
    notify.when(dispatched(tracking_url="javascript:alert(1)")).then(parcel_queued(tracking_url=""))


def test_a_carrier_without_a_given_name_is_named_readably() -> None:
    """Nobody reads `swift_post` as a name."""
    notify.when(dispatched(carrier="swift_post")).then(parcel_queued(carrier="swift post"))


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (1250, "EUR", "12.50 EUR"),
        (9899, "JPY", "9899 JPY"),
        (12345, "KWD", "12.345 KWD"),
        (5, "EUR", "0.05 EUR"),
    ],
)
def test_a_refund_is_told_in_the_currency_s_own_decimals(minor: int, currency: str, amount: str) -> None:
    """Rule 7.11: yen have none, dinars three."""
    notify.when(refunded(minor=minor, currency=currency)).then(refund_queued(amount))


def test_two_refunds_of_one_order_are_two_messages() -> None:
    """Each refund is its own cause, and each is told once."""
    notify.when(refunded("r1"), refunded("r2"), refunded("r1")).then(
        refund_queued("12.50 EUR", "r1"), refund_queued("12.50 EUR", "r2")
    )


def test_a_queued_message_asks_to_be_sent_and_a_sent_one_does_not() -> None:
    """Pending calls are a function of the state, so a rebuild asks for what is open and for nothing else."""
    queued = notify.when(accepted(), dispatched())
    assert set(queued.world.calls()) == {(LETTERS, CONFIRMATION), (LETTERS, f"{ORDER}:parcel_dispatched:p1")}

    queued.world.apply([sent()])
    assert set(queued.world.calls()) == {(LETTERS, f"{ORDER}:parcel_dispatched:p1")}


def test_a_sent_message_is_recorded_and_forgotten() -> None:
    """Only the id stays: the state holds no address longer than it is needed."""
    after = notify.given(confirmation_queued()).when(
        Answered(LETTERS, CONFIRMATION, Sent("<m@shop.example>"))
    )
    after.then(sent())
    assert after.state(LETTERS) == Letters(queued={}, ended={CONFIRMATION: Ending.SENT})


def test_a_refused_message_fails_with_the_mail_system_s_words() -> None:
    """A person can act on "no such user"; it is not tried again."""
    after = notify.given(confirmation_queued()).when(
        Answered(LETTERS, CONFIRMATION, Rejected("550 no such user"))
    )
    after.then(NotificationFailed(notification_id=CONFIRMATION, order_id=ORDER, reason="550 no such user"))
    assert tags(after.state(LETTERS)) == ("state=failed",)
    assert after.world.calls() == {}


def test_a_second_answer_changes_nothing() -> None:
    """Two attempts may both be answered; the notification ended with the first."""
    given = notify.given(confirmation_queued())
    call = given.world.calls()[LETTERS, CONFIRMATION]
    given.world.apply([sent()])
    given.world.calls = lambda: {(LETTERS, CONFIRMATION): call}  # type: ignore[method-assign]
    given.when(Answered(LETTERS, CONFIRMATION, Sent("<m@shop.example>"))).then_nothing()


@pytest.mark.parametrize("email", ["", "   "])
def test_no_address_is_no_address(email: str) -> None:
    """Blank is the same as none."""
    assert why_unreachable(Recipient(email=email)) == NO_ADDRESS


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@@example.com",
        "ada@example..com",
        "ada lindgren@example.com",
        "ada@example.com\r\nBcc: all@example.com",
        "ada@exa mple.com",
        "ada@-example.com",
        "ädä@example.com",
        "ada@" + "a" * 64 + ".com",
        "a" * 65 + "@example.com",
        "ada@" + "a.b" * 90 + ".com",
        "ada@example.com>",
        "ada@.example.com",
    ],
)
def test_what_cannot_stand_on_an_envelope_is_not_an_address(email: str) -> None:
    """It would fail for ever, or worse, add a header; the reason never repeats it."""
    assert why_unreachable(Recipient(email=email)) == NOT_AN_ADDRESS


@pytest.mark.parametrize("email", ["ada@example.com", "a.b+c@sub.example.co.uk", "o'hara@bücher.example"])
def test_what_can_be_written_to_is(email: str) -> None:
    """No customer is lost to a check that knows better."""
    assert why_unreachable(Recipient(email=email)) is None


CAUSES = st.sampled_from(
    [
        accepted(),
        accepted(attempt=2),
        accepted(to=NOBODY),
        dispatched("p1"),
        dispatched("p2", to=NOBODY),
        refunded("r1"),
        refunded("r2"),
    ]
)


@given(st.lists(CAUSES, max_size=30))
def test_whatever_is_told_in_whatever_order_each_notification_is_decided_once(causes: list[Event]) -> None:
    """I9: one message per recipient and cause; queued and ended never overlap."""
    after = notify.when(*causes)
    ids = [event.notification_id for event in after.events]  # type: ignore[attr-defined]
    assert len(ids) == len(set(ids))
    if causes and after.events:
        letters = after.state(LETTERS)
        assert not letters.queued.keys() & letters.ended.keys()
        assert letters.queued.keys() | letters.ended.keys() == set(ids)


@pytest.mark.parametrize("part", ["", ":p1", ":shopify:1001:p1"])
def test_the_order_is_found_in_the_id_of_its_notification(part: str) -> None:
    """Ids of parcels and refunds may hold the order's id themselves."""
    assert order_of(f"{ORDER}:parcel_dispatched{part}") == ORDER
