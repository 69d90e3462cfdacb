"""What stands on a page, rendered from what the services would say: no service, no browser."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.orders import HoldReason
from ops.page.templating import templates
from ops.page.wording import HOLDS, HOLDS_END

BERLIN = ZoneInfo("Europe/Berlin")


def released_order(**otherwise: Any) -> dict[str, Any]:
    """An order as the orders service shows it."""
    return {
        "order_id": "shop:1",
        "state": "released",
        "lines": [],
        "currency": "EUR",
        "total_minor": 0,
        "payment": {"state": "captured", "captured_minor": 0, "refunded_minor": 0},
        "fulfilment": {"state": "released", "parcels": []},
        "invoices": [],
        "channel": "shop",
        "channel_order_id": "1",
        "holds": [],
    } | otherwise


def order_page(**otherwise: Any) -> str:
    """The living part of a released order's page, as somebody in Berlin sees it."""
    nothing = dict.fromkeys(("silent", "deliveries", "messages", "unlabelled", "events"), ())
    texts = dict.fromkeys(("said", "me", "form_token", "number", "channel_says"), "")
    content = (
        nothing
        | texts
        | {
            "order": released_order(),
            "titles": {},
            "may_dispatch": False,
            "lacking": {},
        }
        | otherwise
    )
    return templates(BERLIN).get_template("order.html").render(layout="part.html", **content)


def test_a_story_names_each_day_once() -> None:
    """An order takes days: a time alone would not say which one, nor where it is that time."""
    times = ("2026-11-21T22:00:00Z", "2026-11-21T22:30:00Z", "2026-11-21T23:30:00Z")
    told = {"service": "orders", "type": "orders.PaymentConfirmed.v1", "cause": "", "data": {}}
    shown = order_page(events=[told | {"time": time, "id": time} for time in times])
    headings = [line.strip() for line in shown.splitlines() if 'class="day"' in line]
    assert headings == [f'<li class="day">{day} November 2026, CET</li>' for day in (21, 22)]
    assert ">23:30:00<" in shown


def test_every_hold_says_what_it_is_and_what_ends_it() -> None:
    """A new reason gets its sentences, and the page shows them with the limit if there is one."""
    reasons = {reason.value for reason in HoldReason}
    assert HOLDS.keys() == reasons == HOLDS_END.keys()
    hold = {
        "reason": "payment_failed",
        "detail": "card declined",
        "owner": "accounting",
        "since": "2026-11-21T12:00:00Z",
    }
    limit = {"expires_at": "2026-11-28T12:00:00Z"}
    shown = order_page(order=released_order(holds=[hold | limit]))
    assert "asks for the money again. On 28 November 2026 at 13:00:00 CET it is cancelled." in shown
    assert "it is cancelled" not in order_page(order=released_order(holds=[hold | {"expires_at": None}]))


def test_what_the_channel_has_collected_is_not_called_unpaid() -> None:
    """A held order is not booked yet; whoever reads `unpaid` would ask a customer for money who has paid."""
    unpaid = {"payment": {"state": "unpaid", "captured_minor": 0, "refunded_minor": 0}}
    shown = order_page(order=released_order(**unpaid), channel_says="paid")
    assert "paid at the channel, not recorded here yet" in shown
    cancelled = order_page(order=released_order(**unpaid, state="cancelled"), channel_says="paid")
    assert "paid at the channel, never recorded here: it was cancelled first" in cancelled
    assert "<dd>unpaid</dd>" in order_page(order=released_order(**unpaid), channel_says="unpaid")


def test_who_can_get_no_label_sees_why_and_asks_again_on_the_orders_page() -> None:
    """Nothing but a person moves such an order; without a failed label there is no such button."""
    parcel = {"parcel_id": "shop:1-p1", "carrier": "swift_post", "problem": "no such street in 10115"}
    shown = order_page(unlabelled=[parcel])
    assert "no such street in 10115" in shown
    assert 'action="/orders/shop:1/label"' in shown
    assert "Ask for the label again" not in order_page()


def first_page(**otherwise: Any) -> str:
    """The living part of the first page on a day without orders."""
    rows = (
        "silent",
        "steps",
        "orders",
        "held",
        "unlabelled",
        "parked",
        "parcels",
        "invoices",
        "messages",
        "payouts",
    )
    counts = {"states": {}, "on_hold": {}, "services": {}, "unlabelled_in_all": 0, "for_a_second_person": 0}
    content = dict.fromkeys(rows, ()) | counts | otherwise
    return templates(BERLIN).get_template("home.html").render(layout="part.html", **content)


LONG_AGO = "2026-11-01T12:00:00Z"
UNLABELLED = {
    "order_id": "shop:7",
    "since": LONG_AGO,
    "parcels": [{"problem": "no such street"}, {"problem": ""}],
}
PARKED = {
    "id": "parked/CHANNELS/17",
    "service": "orders",
    "reason": "total: 'x' is no number",
    "received_at": LONG_AGO,
}


@pytest.mark.parametrize(
    ("what", "heading", "words"),
    [
        (
            {"unlabelled": [UNLABELLED], "unlabelled_in_all": 1},
            "Without a label",
            ("shop:7", "no such street"),
        ),
        ({"parked": [PARKED]}, "Messages that could not be used", ("CHANNELS/17", "is no number")),
    ],
    ids=["label", "parked"],
)
def test_what_waits_for_a_person_without_being_on_hold_is_on_the_first_page(
    what: dict[str, Any], heading: str, words: tuple[str, ...]
) -> None:
    """With the reason; and on a good day nobody reads of it."""
    shown = first_page(**what)
    assert all(word in shown for word in (heading, *words))
    assert heading not in first_page()


def test_a_list_of_orders_says_how_long_each_is_held_and_leads_to_the_further_ones() -> None:
    """A seller with hundreds on hold gets to the last of them, by the same hold."""
    held = {"reason": "stock_short", "owner": "purchasing", "since": "2026-11-21T12:00:00Z"}
    order = {"order_id": "a:1", "state": "held", "holds": [held], "total_minor": 990, "currency": "EUR"}
    page = templates().get_template("orders.html")
    shown = page.render(
        layout="part.html", wanted={"hold": "stock_short"}, further=False, orders=[order], next="7&b"
    )
    assert 'datetime="2026-11-21T12:00:00Z"' in shown
    assert 'href="/orders?hold=stock_short&amp;after=7%26b"' in shown
    last = {"layout": "part.html", "wanted": {}, "next": None}
    assert "Further orders" not in page.render(further=True, orders=[order], **last)
    assert "No more orders." in page.render(further=True, orders=[], **last)
    assert "No order is like that." in page.render(further=False, orders=[], **last)


def test_a_new_shop_is_told_how_to_begin() -> None:
    """With the commands for it; and nobody who has orders, nor while nobody can say whether there are any."""
    assert all(word in first_page() for word in ("How to begin", "import skus", "import stock", "webhooks"))
    assert "How to begin" not in first_page(states={"held": 1})
    assert "How to begin" not in first_page(silent=["orders"])
