"""Taking units off the books: above the limits one person asks, another one decides, and they leave once."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.event import Event
from contracts.inventory import (
    StockAdjusted,
    StockReceived,
    WriteOffApproved,
    WriteOffDenied,
    WriteOffRequested,
)
from contracts.parking import CommandRefused
from contracts.second_person import WAITS
from services.inventory.domain.commands import ApproveWriteOff, DenyWriteOff, OpenStock, StockRow
from services.inventory.domain.names import write_off_entity, write_off_named
from services.inventory.domain.stock import COMMAND_REFUSED
from services.inventory.settings import InventorySettings
from services.inventory.wiring import declare
from tests.inventory.samples import (
    LAMP,
    MAIN,
    adjust,
    adjusted,
    line,
    received,
    registered,
    reserved,
    told,
)
from tests.spec import NOON, Spec

DECISIONS = ("ApproveWriteOff", "DenyWriteOff")
NOT_BY_ANNA = "anna asked for this write-off: somebody else has to approve or deny it"
IN_STOCK = (registered(price_minor=2000), received(10), told(10))
"""Ten lamps of 20.00."""


def inventory(**limits: Any) -> Spec:
    return Spec(declare(InventorySettings(**limits)))


def asked(quantity: int, actor: str = "anna", reference: str = "COUNT-3") -> WriteOffRequested:
    return WriteOffRequested(
        sku=LAMP,
        location=MAIN,
        quantity=quantity,
        currency="EUR",
        value_minor=-quantity * 2000,
        reason="count",
        actor=actor,
        reference=reference,
        asked_at=NOON,
    )


def about(actor: str = "mira") -> dict[str, str]:
    return {"sku": LAMP, "location": MAIN, "reference": "COUNT-3", "actor": actor, "reason": "I saw it"}


def approve(actor: str = "mira") -> ApproveWriteOff:
    return ApproveWriteOff(**about(actor))


def deny(actor: str = "mira") -> DenyWriteOff:
    return DenyWriteOff(**about(actor))


APPROVED, DENIED = WriteOffApproved(**about()), WriteOffDenied(**about())


def refused(
    command: str, reason: str, state: str, *allowed: str, actor: str = "mira", line: int | None = None
) -> CommandRefused:
    return COMMAND_REFUSED(
        entity=f"sku/{LAMP}",
        command=command,
        state=state,
        allowed=allowed,
        reason=reason,
        actor=actor,
        line=line,
    )


@pytest.mark.parametrize(
    ("limits", "quantity"),
    [
        ({}, -10),
        ({"write_off_limit_units": 3}, -3),
        ({"write_off_limits_minor": {"EUR": 6000}}, -3),
        ({"write_off_limits_minor": {"USD": 0}}, -10),
        ({"write_off_limit_units": 0, "write_off_limits_minor": {"EUR": 0}}, 5),
    ],
    ids=["no limit", "so many units", "so much worth", "another currency", "units found"],
)
def test_up_to_the_limits_one_person_is_enough(limits: dict[str, Any], quantity: int) -> None:
    """What is found again is no loss, and needs nobody."""
    (event, *_) = inventory(**limits).given(*IN_STOCK).when(adjust(quantity)).events
    assert event == adjusted(quantity)


@pytest.mark.parametrize("limits", [{"write_off_limit_units": 3}, {"write_off_limits_minor": {"EUR": 7999}}])
def test_above_a_limit_it_is_asked_for_and_the_books_stay(limits: dict[str, Any]) -> None:
    """By number or by what it is worth in the catalogue; asked once however often it is sent."""
    after = inventory(**limits).given(*IN_STOCK).when(adjust(-4), adjust(-4)).then(asked(-4))
    assert after.state(f"sku/{LAMP}").on_hand == 10
    assert after.world.tagged(WAITS) == (write_off_entity(LAMP, MAIN, "COUNT-3"),)


LIMITED = inventory(write_off_limit_units=0)


def given(*events: Event) -> Any:
    return LIMITED.given(*IN_STOCK, *events)


def test_a_second_person_approves_and_the_units_leave_once() -> None:
    """In one decision, by the name of who asked; the same approval and the same count sheet change nothing."""
    after = given(asked(-4)).when(approve(), approve(), adjust(-4))
    after.then(APPROVED, adjusted(-4))
    assert after.state(f"sku/{LAMP}").on_hand == 6
    assert after.world.tagged(WAITS) == ()


def test_what_runs_out_by_it_is_told_at_once() -> None:
    """A channel must not sell what is gone."""
    given(asked(-10)).when(approve()).then(APPROVED, adjusted(-10), told(0))


@pytest.mark.parametrize("actor", ["anna", "ANNA "])
def test_who_asked_can_neither_approve_nor_deny(actor: str) -> None:
    """The refusal is kept, and the request goes on waiting."""
    after = given(asked(-4)).when(approve(actor), deny(actor))
    after.then(
        refused("ApproveWriteOff", NOT_BY_ANNA, "waiting", *DECISIONS, actor=actor),
        refused("DenyWriteOff", NOT_BY_ANNA, "waiting", *DECISIONS, actor=actor),
    )
    assert after.state(f"sku/{LAMP}").on_hand == 10


def test_a_denied_one_leaves_the_books_and_needs_a_new_document() -> None:
    """The same count sheet is not asked about twice; whoever counts again writes a new one."""
    again = "COUNT-3 was denied by mira: use another reference to ask again"
    after = given(asked(-4)).when(deny(), deny(), adjust(-4), adjust(-4, reference="COUNT-4"))
    after.then(
        DENIED,
        refused("AdjustStock", again, "denied", actor="anna"),
        asked(-4, reference="COUNT-4"),
    )


def test_the_same_document_with_another_quantity_is_refused_while_it_waits() -> None:
    """A person decides about the figure that was seen."""
    given(asked(-4)).when(adjust(-5)).then(
        refused(
            "AdjustStock",
            "COUNT-3 already waits for a second person, with -4 units",
            "waiting",
            *DECISIONS,
            actor="anna",
        )
    )


def test_units_that_were_promised_meanwhile_cannot_be_taken() -> None:
    """The approval is refused with the numbers and can be given again when orders have let go of them."""
    after = given(asked(-4), reserved(line(8)), told(2, on_hand=10)).when(approve())
    after.then(
        refused(
            "ApproveWriteOff",
            "LAMP at MAIN: 10 on hand, 8 reserved; -4 would leave 6",
            "on_hand=10 reserved=8",
            "ReceiveStock",
            "AdjustStock down by 2",
        )
    )
    assert after.world.tagged(WAITS) != ()


def test_what_does_not_wait_cannot_be_decided() -> None:
    """Approved and denied are ends; a third person comes too late."""
    nothing = "this write-off does not wait for a second person"
    given(asked(-4), APPROVED, adjusted(-4)).when(deny(), approve("otto")).then(
        refused("DenyWriteOff", nothing, "approved"),
        refused("ApproveWriteOff", nothing, "approved", actor="otto"),
    )
    given(asked(-4), DENIED).when(approve()).then(refused("ApproveWriteOff", nothing, "denied"))


def test_a_file_of_opening_stock_is_no_way_around() -> None:
    """A lower opening figure takes units away as well: refused by its line, with what to do instead."""
    opened = StockReceived(
        sku=LAMP,
        location=MAIN,
        quantity=9,
        reason="opening stock",
        actor="anna",
        reference="s.csv",
        opening=True,
    )
    again = OpenStock((StockRow(2, LAMP, MAIN, 5),), "anna", "s.csv")
    reason = (
        "LAMP at MAIN: -4 is more than one person may write off: "
        "book an adjustment, which a second person approves"
    )
    start = inventory(write_off_limit_units=3).given(registered(price_minor=2000), opened, told(9))
    start.when(again).then(refused("OpenStock", reason, "registered", "AdjustStock", actor="anna", line=2))


@pytest.mark.parametrize("names", [("A/B", "MAIN", "C/D"), ("A%2FB", "BACK", "x"), (LAMP, MAIN, "COUNT-3")])
def test_a_request_is_found_by_its_name_whatever_is_in_it(names: tuple[str, str, str]) -> None:
    """SKUs and references may contain anything."""
    assert write_off_named(write_off_entity(*names).partition("/")[2]) == names


@pytest.mark.parametrize("name", ["", "MAIN", "MAIN/LAMP", "MAIN//COUNT", "/LAMP/COUNT"])
def test_a_name_of_another_form_names_nothing(name: str) -> None:
    """Answered as not found."""
    assert write_off_named(name) is None


def test_an_adjustment_without_a_limit_is_what_it_always_was() -> None:
    """A shop that sets no limits notices nothing of all this."""
    after = inventory().given(*IN_STOCK).when(adjust(-4))
    after.then(
        StockAdjusted(sku=LAMP, location=MAIN, quantity=-4, reason="count", actor="anna", reference="COUNT-3")
    )
