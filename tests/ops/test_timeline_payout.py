"""A payout's story: for each line what it was matched with, or why with nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from chassis.batch import Batch
from contracts.billing import MatchedLine, PayoutLine, PayoutReported, PayoutUnexplained, UnexplainedLine
from ops.console import CannotDo
from ops.history.payout import PayoutStory, timeline_of_payout
from ops.system import find
from tests.ops.house import START, House
from tests.ops.true_story import entry, history

LINES = (
    PayoutLine(kind="charge", reference="pay-shop:1", gross_minor=2380, fee_minor=80, net_minor=2200),
    PayoutLine(kind="fee", gross_minor=-50, net_minor=-50),
    PayoutLine(kind="adjustment", reference="?", gross_minor=-100, net_minor=-100),
)


def with_an_unexplained_payout(provider: str = "adyen") -> House:
    """A second payout: one line is short, one is the provider's fee, one is tied to nothing."""
    house = history()
    entity = f"payout/{provider}:po-2"
    house.say(
        entity,
        PayoutReported(payout_id="po-2", provider=provider, currency="EUR", total_minor=2050, lines=LINES),
        "command/payout",
    )
    house.say(
        entity,
        PayoutUnexplained(
            payout_id="po-2",
            matched_minor=2250,
            unexplained_minor=-200,
            matched=(
                MatchedLine(line=0, order_id="shop:1", amount_minor=2300, settles="pay-shop:1"),
                MatchedLine(line=1, amount_minor=-50),
            ),
            unexplained=(
                UnexplainedLine(line=0, reason="100 short", amount_minor=-100),
                UnexplainedLine(line=2, reason="no capture explains it", amount_minor=-100),
            ),
            entry=entry("bank", "clearing", 2050),
            provider=provider,
        ),
        "command/payout",
    )
    return house


def story_of(data: Path, name: str, house: House | None = None) -> PayoutStory:
    """The story of one payout."""
    (house or with_an_unexplained_payout()).write(data)
    return timeline_of_payout(find(data), name)


def test_each_line_says_what_it_was_matched_with_and_what_that_leaves(tmp_path: Path) -> None:
    """Every cent of it: matched + unexplained = the line's net."""
    state = story_of(tmp_path, "adyen:po-2").state
    assert (state["state"], state["matched_minor"], state["unexplained_minor"]) == ("unexplained", 2250, -200)
    charge, fee, adjustment = state["lines"]
    assert (charge["order_id"], charge["settles"], charge["matched_minor"], charge["unexplained_minor"]) == (
        "shop:1",
        "pay-shop:1",
        2300,
        -100,
    )
    assert (fee["order_id"], fee["matched_minor"], fee["reason"]) == ("", -50, "")
    assert (adjustment["matched_minor"], adjustment["reason"]) == (0, "no capture explains it")
    for line in state["lines"]:
        assert line["matched_minor"] + line["unexplained_minor"] == line["net_minor"]


def test_a_reconciled_payout_has_its_two_events_in_the_agreed_shape(tmp_path: Path) -> None:
    """As an order's story, with the payout's id."""
    shown = story_of(tmp_path, "po-1").as_json()
    assert shown.keys() == {"payout_id", "state", "events", "left_out"}
    assert shown["state"]["state"] == "reconciled"
    assert [event["type"] for event in shown["events"]] == [
        "billing.PayoutReported.v1",
        "billing.PayoutReconciled.v1",
    ]
    assert [event["reason"] for event in shown["events"]] == [
        "sandbox pays 23.00 EUR out",
        "every cent is tied to something: 23.00 EUR",
    ]


def test_people_read_the_sum_then_each_line_then_what_happened(tmp_path: Path) -> None:
    """The lines that need somebody say so."""
    lines = story_of(tmp_path, "adyen:po-2").readable().splitlines()
    assert lines[0] == (
        "po-2 (adyen) · unexplained · 20.50 EUR paid out: 22.50 EUR tied to something, -2.00 EUR to nothing"
    )
    assert lines[1].endswith("is pay-shop:1 of order shop:1: 23.00 EUR; leaves -1.00 EUR: 100 short")
    assert lines[2].endswith("is the fee account: -0.50 EUR")
    assert lines[3].endswith("leaves -1.00 EUR: no capture explains it")
    assert "PayoutReported" in lines[4]


def test_a_payout_is_found_by_the_providers_id_alone_unless_two_have_it(tmp_path: Path) -> None:
    """By the tag that the service keeps; two of one name have to be told apart."""
    house = with_an_unexplained_payout()
    stores = house.write(tmp_path)
    stores["billing"].commit(Batch(tags_new=[("payout:po-2", 1, "payout/adyen:po-2")]))
    assert timeline_of_payout(find(tmp_path), "po-2").state["provider"] == "adyen"
    stores["billing"].commit(Batch(tags_new=[("payout:po-2", 2, "payout/stripe:po-2")]))
    with pytest.raises(CannotDo, match=r"say which, one of payout:adyen:po-2, payout:stripe:po-2"):
        timeline_of_payout(find(tmp_path), "po-2")


def test_a_payout_that_nobody_knows_or_knew_then_is_named(tmp_path: Path) -> None:
    """With how ids are written, and since when it is known."""
    history().write(tmp_path)
    with pytest.raises(CannotDo, match=r"no payout po-9; ids are written payout:<id>"):
        timeline_of_payout(find(tmp_path), "po-9")
    with pytest.raises(CannotDo, match=r"payout po-1 was not known then; it was first heard of at 2026"):
        timeline_of_payout(find(tmp_path), "po-1", START - timedelta(days=1))
