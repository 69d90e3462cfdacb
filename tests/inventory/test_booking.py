"""Receipts and adjustments: a document counts once, and what is promised cannot be taken away."""

from __future__ import annotations

import pytest

from contracts.event import Event
from contracts.parking import CommandRefused
from services.inventory.domain.stock import COMMAND_REFUSED
from tests.inventory.samples import (
    BACK,
    GHOST,
    LAMP,
    MUG,
    adjust,
    adjusted,
    in_stock,
    inventory,
    line,
    receive,
    received,
    registered,
    reserved,
    told,
)


def refused(
    command: str, reason: str, state: str, allowed: tuple[str, ...] = (), sku: str = LAMP
) -> CommandRefused:
    return COMMAND_REFUSED(
        entity=f"sku/{sku}", command=command, state=state, allowed=allowed, reason=reason, actor="anna"
    )


def test_units_that_came_in_are_on_hand() -> None:
    """With who booked them, why, and by which document."""
    inventory.given(*in_stock(5)).when(receive(3)).then(received(3, reference="DN-17"))


def test_the_same_document_again_does_nothing() -> None:
    """However often and however late it is sent again."""
    later = [adjust(n, reference=f"COUNT-{n}") for n in range(1, 60)]
    then = inventory.given(*in_stock(5)).when(receive(3), *later, receive(3))
    then.then(received(3, reference="DN-17"), *[adjusted(n, reference=f"COUNT-{n}") for n in range(1, 60)])


def test_a_document_counts_once_per_sku_and_place() -> None:
    """A delivery note has many lines."""
    inventory.given(*in_stock(5), *in_stock(5, MUG)).when(
        receive(3), receive(3, MUG), receive(3, location=BACK), receive(3, MUG)
    ).then(
        received(3, reference="DN-17"),
        received(3, MUG, reference="DN-17"),
        received(3, location=BACK, reference="DN-17"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [(("A/B", "C"), ("A", "B/C")), (("A", "C"), ("A/C", "")), (("A%2FB", "C"), ("A/B", "C"))],
)
def test_names_with_slashes_are_not_mixed_up(first: tuple[str, str], second: tuple[str, str]) -> None:
    """SKUs and references may contain anything; two documents must not meet in one name."""
    commands = [receive(1, sku, reference=reference or "-") for sku, reference in (first, second)]
    then = inventory.given(registered(first[0]), registered(second[0])).when(*commands)
    assert [event.TYPE for event in then.events].count("inventory.StockReceived.v1") == 2


def test_a_receipt_and_an_adjustment_may_name_the_same_document() -> None:
    """Ten came with the delivery note, one of them broken."""
    inventory.given(*in_stock(5)).when(receive(10), adjust(-1, reference="DN-17")).then(
        received(10, reference="DN-17"), adjusted(-1, reference="DN-17")
    )


@pytest.mark.parametrize(
    ("first", "booked", "again", "command"),
    [
        (receive(3), received(3, reference="DN-17"), receive(4), "ReceiveStock"),
        (adjust(3), adjusted(3), adjust(4), "AdjustStock"),
    ],
)
def test_the_same_document_with_another_quantity_is_refused(
    first: object, booked: Event, again: object, command: str
) -> None:
    """Silence would lose a unit, a second booking would count it twice: a person decides."""
    reference = booked.reference
    reason = (
        f"reference {reference} was booked with 3 of LAMP at MAIN and counts once: "
        "use another reference to book more"
    )
    inventory.given(*in_stock(5)).when(first, again).then(booked, refused(command, reason, "booked"))


@pytest.mark.parametrize(
    ("command", "name"), [(receive(3, GHOST), "ReceiveStock"), (adjust(3, GHOST), "AdjustStock")]
)
def test_nothing_is_booked_on_a_sku_that_nobody_registered(command: object, name: str) -> None:
    """Most often it is misspelt. The refusal is kept, and registers nothing."""
    then = inventory.when(command)
    then.then(refused(name, "SKU GHOST is not registered", "unregistered", ("RegisterSkus",), GHOST))
    assert then.world.tagged("listed") == ()


def test_an_adjustment_may_take_what_is_free() -> None:
    """Down to what is promised, at this place."""
    inventory.given(*in_stock(5), reserved(line(3)), told(2, on_hand=5)).when(adjust(-2)).then(
        adjusted(-2), told(0, on_hand=3)
    )


def test_an_adjustment_that_would_take_promised_units_is_refused_with_the_numbers() -> None:
    """Which orders should then not get theirs? A person cancels one, or counts again."""
    inventory.given(*in_stock(5), reserved(line(3))).when(adjust(-3)).then(
        refused(
            "AdjustStock",
            "LAMP at MAIN: 5 on hand, 3 reserved; -3 would leave 2",
            "on_hand=5 reserved=3",
            ("ReceiveStock", "AdjustStock down by 2"),
        )
    )


def test_units_at_another_place_do_not_help() -> None:
    """What is not on this shelf cannot be taken from it."""
    inventory.given(*in_stock(5)).when(adjust(-1, location=BACK)).then(
        refused(
            "AdjustStock",
            "LAMP at BACK: 0 on hand, 0 reserved; -1 would leave -1",
            "on_hand=0 reserved=0",
            ("ReceiveStock",),
        )
    )


def test_a_refused_adjustment_may_be_sent_again_under_the_same_reference() -> None:
    """It was never booked."""
    inventory.given(*in_stock(1)).when(adjust(-2), receive(4), adjust(-2)).then(
        refused(
            "AdjustStock",
            "LAMP at MAIN: 1 on hand, 0 reserved; -2 would leave -1",
            "on_hand=1 reserved=0",
            ("ReceiveStock", "AdjustStock down by 1"),
        ),
        received(4, reference="DN-17"),
        adjusted(-2),
    )
