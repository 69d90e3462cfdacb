"""What the page says: amounts, ages, and every event in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.catalogue import CATALOGUE
from contracts.orders import HoldReason
from ops.page.glance import with_milestones, with_statements
from ops.page.order_page import reached_by
from ops.page.telling import STORY, story, units
from ops.page.templating import templates
from ops.page.today import STEPS, Tally, before_day
from ops.page.wording import (
    FIGURES_MEAN,
    HOLDS,
    HOLDS_END,
    SERVICE_FIGURES,
    age,
    clock,
    day,
    money,
    not_found,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (1250, "EUR", "€12.50"),
        (-1500, "EUR", "−€15.00"),
        (123456789, "GBP", "£1,234,567.89"),
        (9899, "JPY", "¥9,899"),
        (5370, "PLN", "53.70 PLN"),
        (12345, "KWD", "12.345 KWD"),
        (None, "EUR", "–"),
    ],
)
def test_amounts_read_as_people_write_them(minor: int | None, currency: str, said: str) -> None:
    """Every exponent, negative ones with a true minus sign."""
    assert money(minor, currency) == said


@pytest.mark.parametrize(
    ("ago", "said"),
    [(1, "now"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (7_200, "2 h"), (200_000, "2 d")],
)
def test_ages_are_said_in_their_largest_unit(ago: int, said: str) -> None:
    """Nobody reads seconds of something that is hours old."""
    assert age((NOON - timedelta(seconds=ago)).isoformat(), NOON) == said


def test_a_time_without_a_zone_is_utc() -> None:
    """SQLite and some channels leave it out."""
    assert age("2026-11-21T11:00:00", NOON) == "1 h"


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2026-11-21T23:30:00Z", ("22 November 2026", "00:30:00")),
        ("2026-07-01T12:00:00+00:00", ("1 July 2026", "14:00:00")),
    ],
    ids=["winter", "summer"],
)
def test_times_are_those_of_the_shops_clocks(time: str, said: tuple[str, str]) -> None:
    """A seller in Berlin compares them with the watch on the wall."""
    assert (day(time, BERLIN), clock(time, BERLIN)) == said


def test_every_figure_of_a_service_is_explained() -> None:
    """Nobody who runs a shop knows what a relay is."""
    assert list(FIGURES_MEAN) == list(SERVICE_FIGURES.values())


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
    content = nothing | texts | {"order": released_order(), "titles": {}, "may_dispatch": False} | otherwise
    return templates(BERLIN).get_template("order.html").render(layout="part.html", **content)


def test_a_story_names_each_day_once() -> None:
    """An order takes days: a time alone would not say which one."""
    times = ("2026-11-21T22:00:00Z", "2026-11-21T22:30:00Z", "2026-11-21T23:30:00Z")
    told = {"service": "orders", "type": "orders.PaymentConfirmed.v1", "cause": "", "data": {}}
    shown = order_page(events=[told | {"time": time, "id": time} for time in times])
    headings = [line.strip() for line in shown.splitlines() if 'class="day"' in line]
    assert headings == ['<li class="day">21 November 2026</li>', '<li class="day">22 November 2026</li>']
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
    assert "asks for the money again. On 28 November 2026 at 13:00:00 it is cancelled." in shown
    assert "it is cancelled" not in order_page(order=released_order(holds=[hold | {"expires_at": None}]))


def test_what_the_channel_has_collected_is_not_called_unpaid() -> None:
    """A held order is not booked yet; whoever reads `unpaid` would ask a customer for money who has paid."""
    unpaid = {"payment": {"state": "unpaid", "captured_minor": 0, "refunded_minor": 0}}
    shown = order_page(order=released_order(**unpaid), channel_says="paid")
    assert "paid at the channel, not recorded here yet" in shown
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


def test_every_event_of_an_orders_life_has_words() -> None:
    """An event that names an order is part of its story, and the story is told in words."""
    of_orders = {
        entry.type.rpartition(".")[0] for entry in CATALOGUE if "order_id" in entry.model.model_fields
    }
    assert set(STORY) == of_orders


def test_an_event_without_words_of_its_own_is_told_by_name_and_reason() -> None:
    """A new event is never a gap in the story."""
    assert story("orders.CommandRefused.v1", {"reason": "too late"}) == "Command refused: too late"
    assert story("inventory.SkuAmended.v1", {}) == "Sku amended"


def test_a_hold_is_told_with_reason_detail_and_owner() -> None:
    """So that the reader knows who has to act on what."""
    facts = {"reason": "stock_short", "detail": "LAMP: 3 asked, 2 available", "owner": "purchasing"}
    assert story("orders.OrderHeld.v1", facts) == (
        "On hold, stock short: LAMP: 3 asked, 2 available (owner: purchasing)"
    )


def test_long_lists_of_units_are_cut_with_their_count() -> None:
    """A wholesale order of two hundred lines stays one sentence."""
    lines = [{"sku": f"S{n}", "quantity": n} for n in range(1, 6)]
    assert units(lines) == "1 × S1, 2 × S2, 3 × S3 and 2 more"


def test_a_parcel_shows_its_newest_advancing_scan() -> None:
    """Late scans do not move it back; one that was never scanned is handed over."""
    parcels = [{"data": {"parcel_id": "p1"}}, {"data": {"parcel_id": "p2"}}]
    scans = [
        {"data": {"parcel_id": "p1", "milestone": "picked_up", "advanced": False}},
        {"data": {"parcel_id": "p1", "milestone": "delivered", "advanced": True}},
        {"data": {"parcel_id": "p1", "milestone": "in_transit", "advanced": True}},
    ]
    assert [parcel["milestone"] for parcel in with_milestones(parcels, scans)] == ["delivered", "handed_over"]


def test_a_payout_whose_statement_is_out_of_sight_has_an_empty_one() -> None:
    """The result stands for itself."""
    (shown,) = with_statements([{"entity": "payout/stripe:po-1", "data": {}}], [])
    assert (shown["name"], shown["statement"]) == ("stripe:po-1", {})


def test_payouts_of_two_providers_keep_their_statements_apart() -> None:
    """A provider's ids are its own: another may use the same."""
    statements = [
        {"entity": "payout/stripe:1", "data": {"currency": "EUR"}},
        {"entity": "payout/adyen:1", "data": {"currency": "GBP"}},
    ]
    shown = with_statements([{"entity": "payout/adyen:1", "data": {}}], statements)
    assert [payout["statement"]["currency"] for payout in shown] == ["GBP"]


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/orders/nope:1", "There is no order nope:1"),
        ("/payouts/stripe:po-9", "There is no payout stripe:po-9"),
        ("/documents/invoice.pdf/INV-9", "There is no document INV-9"),
        ("/nowhere", "There is no such page"),
        ("/orders/", "There is no such page"),
    ],
)
def test_what_is_not_there_is_named(path: str, heading: str) -> None:
    """A person reads what was looked for and what to do, not which service refused with which status."""
    said, sentence = not_found(path)
    assert said == heading
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("milestone", "events", "reached"),
    [
        (None, [], "label_created"),
        ("label_created", [{"what": "handed_over"}], "handed_over"),
        ("in_transit", [{"what": "handed_over"}], "in_transit"),
        ("return_to_sender", [], "return_to_sender"),
    ],
)
def test_a_customer_sees_the_hand_over_before_the_first_scan(
    milestone: str | None, events: list[dict[str, str]], reached: str
) -> None:
    """Between our door and the carrier's first scan the parcel is not "label created" any more."""
    assert reached_by({"milestone": milestone, "events": events}) == reached


class Event:
    """An event of a log in memory."""

    def __init__(self, position: int, time: datetime, event_type: str, data: bytes = b"{}") -> None:
        self.position, self.type, self.data = position, event_type, data
        self.headers = {"ce-time": time.isoformat()}


class Log:
    """A log in memory that counts how often it is read."""

    def __init__(self, events: list[Event]) -> None:
        self._events, self.reads = events, 0

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        self.reads += 1
        return [event for event in self._events if event.position > after][:limit]

    def last_position(self) -> int:
        return len(self._events)


def a_log(days: int, a_day: int) -> Log:
    start = NOON - timedelta(days=days - 1)
    return Log(
        [
            Event(day * a_day + n + 1, start + timedelta(days=day, seconds=n), STEPS[0].type)
            for day in range(days)
            for n in range(a_day)
        ]
    )


def test_only_todays_orders_are_counted() -> None:
    """Yesterday's do not belong on the page called today."""
    tally = Tally("orders")
    tally.catch_up(a_log(days=5, a_day=30), NOON.date())
    assert tally.counts == {"received": 30}


def test_the_first_event_of_the_day_is_found_by_bisection() -> None:
    """A log of many days is not read from its beginning."""
    log = a_log(days=100, a_day=100)
    assert before_day(log, NOON.date()) == 9_900
    assert log.reads <= 15


def test_a_second_look_counts_only_what_is_new() -> None:
    """The page is fetched every two seconds while somebody looks."""
    events = a_log(days=1, a_day=3).events()
    tally = Tally("orders")
    tally.catch_up(Log(events[:2]), NOON.date())
    tally.catch_up(Log(events), NOON.date())
    assert (tally.counts, tally.position) == ({"received": 3}, 3)


def test_a_new_day_starts_from_nothing() -> None:
    """Midnight passes while the page is open."""
    log = a_log(days=2, a_day=4)
    tally = Tally("orders")
    tally.catch_up(log, (NOON - timedelta(days=1)).date())
    assert tally.counts["received"] == 8, "until midnight, what came later is counted too"
    tally.catch_up(log, NOON.date())
    assert tally.counts == {"received": 4}


def test_the_shops_day_begins_at_its_own_midnight() -> None:
    """An hour before midnight UTC it is tomorrow in Berlin."""
    late = NOON.replace(hour=23, minute=30)
    log = Log([Event(1, NOON, STEPS[0].type), Event(2, late, STEPS[0].type)])
    tally = Tally("orders", BERLIN)
    tally.catch_up(log, late.astimezone(BERLIN).date())
    assert tally.counts == {"received": 1}


def test_told_counts_parcel_messages_only() -> None:
    """An order that was confirmed but not shipped is not at the end of its way."""
    sent = "notify.NotificationSent.v1"
    log = Log(
        [
            Event(1, NOON, sent, b'{"notification_id":"shop:1:order_confirmed"}'),
            Event(2, NOON, sent, b'{"notification_id":"shop:1:parcel_dispatched:shop:1-p1"}'),
        ]
    )
    tally = Tally("notify")
    tally.catch_up(log, NOON.date())
    assert tally.counts == {"told": 1}


def test_a_list_of_orders_says_how_long_each_is_held_and_leads_to_the_further_ones() -> None:
    """A seller with hundreds on hold gets to the last of them, by the same hold."""
    held = {"reason": "stock_short", "owner": "purchasing", "since": "2026-11-21T12:00:00Z"}
    order = {"order_id": "a:1", "state": "held", "holds": [held], "total_minor": 990, "currency": "EUR"}
    page = templates().get_template("orders.html")
    shown = page.render(layout="part.html", wanted={"hold": "stock_short"}, orders=[order], next="7&b")
    assert 'datetime="2026-11-21T12:00:00Z"' in shown
    assert 'href="/orders?hold=stock_short&amp;after=7%26b"' in shown
    assert "Further orders" not in page.render(layout="part.html", wanted={}, orders=[order], next=None)
