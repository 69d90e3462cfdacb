"""What the page says: amounts, ages, and every event in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.catalogue import CATALOGUE
from ops.page.glance import with_milestones, with_statements
from ops.page.order_page import reached_by
from ops.page.telling import STORY, story, units
from ops.page.today import STEPS, Tally, before_day
from ops.page.wording import (
    FIGURES_MEAN,
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
