"""An order's story: complete, in the right order, with a reason for each step, and as it was at any time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.http import UNNAMED
from contracts.catalogue import CATALOGUE
from contracts.orders import HoldReason, OrderHeld
from ops.console import CannotDo
from ops.history.reasons import REASONS, reason_for
from ops.history.timeline import Story, in_order, readable, timeline_of
from ops.page.telling import story
from ops.system import find
from tests.ops.house import START
from tests.ops.true_story import history


def story_of(data: Path, order_id: str, after: timedelta | None = None) -> Story:
    """The story in a house with a true history."""
    history().write(data)
    at = None if after is None else START + after
    return timeline_of(find(data), order_id, at)


def test_the_story_has_every_event_of_the_order_and_no_other(tmp_path: Path) -> None:
    """Five services, one story."""
    told = [moment.type.split(".")[1] for moment in story_of(tmp_path, "shop:1").moments]
    assert told == [
        "OrderReceived",
        "OrderAccepted",
        "NotificationQueued",
        "NotificationSent",
        "StockReserved",
        "PaymentRequested",
        "PaymentDue",
        "CaptureStarted",
        "PaymentCaptured",
        "PaymentConfirmed",
        "OrderReleased",
        "FulfilmentPlanned",
        "ParcelDispatched",
        "StockDispatched",
        "ParcelHandedOver",
        "OrderFulfilled",
        "NotificationQueued",
        "NotificationSent",
        "InvoiceIssued",
        "InvoiceNoted",
    ]


def test_the_json_has_the_agreed_shape(tmp_path: Path) -> None:
    """Others build on these names."""
    shown = story_of(tmp_path, "shop:1").as_json()
    reserved = next(event for event in shown["events"] if event["type"] == "inventory.StockReserved.v1")
    assert shown["order_id"] == "shop:1"
    assert shown["state"]["state"] == "fulfilled"
    assert reserved == {
        "time": "2026-11-21T12:00:00.007000Z",
        "service": "inventory",
        "type": "inventory.StockReserved.v1",
        "id": "inventory/reservation/shop:1/1",
        "entity": "reservation/shop:1",
        "reason": "reserved 2 × LAMP at MAIN until 2026-11-21T13:00:00Z",
        "cause": "orders/order/shop:1/2",
        "data": reserved["data"],
    }


def test_at_a_time_the_order_is_what_it_was_then(tmp_path: Path) -> None:
    """What did we know at that moment?"""
    then = story_of(tmp_path, "shop:1", after=timedelta(milliseconds=8))
    assert then.state["state"] == "accepted"
    assert then.moments[-1].type == "orders.PaymentRequested.v1"


def test_the_state_is_the_one_that_the_orders_service_shows(tmp_path: Path) -> None:
    """One shape for one thing: `held` while a hold is open, holds with their owner, the lines and the money."""
    house = history()
    house.say(
        "order/shop:1",
        OrderHeld(order_id="shop:1", reason=HoldReason.MANUAL, owner="ann", detail="wait", since=START),
        "command/hold",
    )
    held = house.said["orders"].pop()
    held.time = START + timedelta(milliseconds=5)
    house.said["orders"].insert(2, held)
    house.write(tmp_path)
    state = timeline_of(find(tmp_path), "shop:1", START + timedelta(milliseconds=6)).state
    assert (state["state"], state["axis"], state["currency"], state["total_minor"]) == (
        "held",
        "accepted",
        "EUR",
        2380,
    )
    assert [(hold["reason"], hold["owner"]) for hold in state["holds"]] == [("manual", "ann")]
    assert state["payment"] == {"state": "unpaid", "captured_minor": 0, "refunded_minor": 0}
    assert state.keys() >= {"order_id", "channel", "channel_order_id", "lines", "fulfilment", "invoices"}


def test_before_the_first_event_there_is_nothing_to_tell(tmp_path: Path) -> None:
    """The refusal says since when the order is known."""
    with pytest.raises(CannotDo, match=r"not known then; it was first heard of at 2026-11-21T12:00:00"):
        story_of(tmp_path, "shop:1", after=timedelta(hours=-1))


def test_an_unknown_order_is_named(tmp_path: Path) -> None:
    """With how an id is written."""
    with pytest.raises(CannotDo, match=r"no order shop:77; ids are written"):
        story_of(tmp_path, "shop:77")


def test_a_clock_that_goes_backwards_never_puts_an_effect_before_its_cause(tmp_path: Path) -> None:
    """Clocks lie; causes do not."""
    told = story_of(tmp_path, "shop:1").moments
    skewed = [
        replace(moment, time=moment.time - timedelta(minutes=5)) if moment.service == "billing" else moment
        for moment in told
    ]
    ids = [moment.id for moment in in_order(skewed)]
    assert sorted(ids) == sorted(moment.id for moment in told)
    for moment in told:
        assert moment.cause not in ids or ids.index(moment.cause) < ids.index(moment.id)


def test_people_read_a_table_with_times_since_the_start(tmp_path: Path) -> None:
    """One line per event, aligned."""
    lines = readable(story_of(tmp_path, "shop:2")).splitlines()
    assert lines[0] == "shop:2 · cancelled · first heard of 2026-11-21T12:00:00.023000+00:00"
    assert "orders" in lines[1]
    assert "OrderReceived" in lines[1]
    assert "shop sent the order: 2 × LAMP for 23.80 EUR" in lines[1]


ABOUT_AN_ORDER = [entry.type for entry in CATALOGUE if "order_id" in entry.model.model_fields]


@pytest.mark.parametrize("event_type", ABOUT_AN_ORDER)
def test_every_event_about_an_order_has_a_sentence(event_type: str) -> None:
    """A new event needs a reason people can read, or its fields renamed here too."""
    assert event_type.split(".")[1] in REASONS


def test_a_sentence_without_a_fact_leaves_it_out() -> None:
    """Old events may lack a field that newer ones have."""
    assert reason_for("orders.OrderCancelled.v1", {"reason": "late"}) == "cancelled by : late"


def test_a_shortage_says_what_was_asked_and_what_there_was() -> None:
    """The question of every seller."""
    short = {"short": [{"sku": "LAMP", "asked": 2, "available": 0, "known": True}]}
    told = reason_for("inventory.ReservationRefused.v1", short)
    assert told == "not enough stock: LAMP, asked 2, available 0"


def test_an_invoice_with_odd_tax_says_so_in_its_orders_story() -> None:
    """Rule 7.6: who reads the story must not have to compare the figures."""
    facts = {"number": "INV-1", "total_minor": 1500, "currency": "EUR", "parcel_id": "p1"}
    note = "the channel charged 5.00 EUR tax, its rates give 1.90 EUR"
    for tell in (reason_for, story):
        assert tell("billing.InvoiceIssued.v1", facts | {"vat_note": note}).endswith(
            f"; to be looked at: {note}"
        )
        assert "looked at" not in tell("billing.InvoiceIssued.v1", facts | {"vat_note": ""})


def test_a_sentence_says_who_did_it_unless_nobody_knows() -> None:
    """A carrier's scanner does not sign; `by unnamed` would only make a reader wonder."""
    scan = {"parcel_id": "p1", "milestone": "in_transit", "place": "Leipzig"}
    for tell in (reason_for, story):
        assert "(by mia)" in tell("shipping.ParcelScanned.v1", scan | {"actor": "mia"})
        assert "by" not in tell("shipping.ParcelScanned.v1", scan | {"actor": UNNAMED})


def test_an_article_that_nobody_registered_is_not_called_short() -> None:
    """What has to be done about it is something else than to buy stock."""
    short = {"short": [{"sku": "RIDDLE", "asked": 2, "available": 0, "known": False}]}
    for tell in (reason_for, story):
        told = tell("inventory.ReservationRefused.v1", short)
        assert "not in the catalogue" in told
        assert "available" not in told


def test_a_refusal_without_a_shortage_says_that_the_order_has_left() -> None:
    """Its promise had run out while the parcel left; nothing was missing."""
    told = reason_for("inventory.ReservationRefused.v1", {"short": []})
    assert told == "nothing is left to promise: the order's last parcel has gone"
