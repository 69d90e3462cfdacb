"""Opening stock counts once per SKU and place: the same file again does nothing, whatever happened since."""

from __future__ import annotations

from typing import Any

from contracts.inventory import StockAdjusted, StockReceived
from contracts.parking import CommandRefused
from services.inventory.domain.commands import OpenStock, StockRow
from services.inventory.domain.stock import COMMAND_REFUSED
from tests.inventory.samples import (
    BACK,
    GHOST,
    LAMP,
    MAIN,
    MUG,
    accepted,
    in_stock,
    inventory,
    parcel,
    received,
    registered,
    told,
    units,
)

FILE: dict[str, Any] = {"reason": "opening stock", "actor": "anna", "reference": "stock.csv", "opening": True}


def open_stock(*rows: tuple[str, str, int]) -> OpenStock:
    numbered = enumerate(rows, 2)
    return OpenStock(
        tuple(StockRow(line, *row) for line, row in numbered), actor="anna", reference="stock.csv"
    )


def opened(quantity: int, sku: str = LAMP, location: str = MAIN) -> StockReceived:
    return StockReceived(sku=sku, location=location, quantity=quantity, **FILE)


def corrected(quantity: int, sku: str = LAMP, location: str = MAIN) -> StockAdjusted:
    return StockAdjusted(sku=sku, location=location, quantity=quantity, **FILE)


def refused(
    line: int, reason: str, sku: str = LAMP, state: str = "registered", allowed: tuple[str, ...] = ()
) -> CommandRefused:
    return COMMAND_REFUSED(
        entity=f"sku/{sku}",
        command="OpenStock",
        state=state,
        allowed=allowed,
        reason=reason,
        actor="anna",
        line=line,
    )


def test_a_file_of_opening_stock_is_received_and_told() -> None:
    """Movements first, then one word for each SKU, over all its places."""
    inventory.given(registered(), registered(MUG)).when(
        open_stock((LAMP, MAIN, 5), (LAMP, BACK, 2), (MUG, MAIN, 3))
    ).then(opened(5), opened(2, location=BACK), opened(3, MUG), told(7), told(3, MUG))  # fmt: skip


def test_the_same_file_again_does_nothing() -> None:
    """Importing is what people repeat when they are not sure."""
    file = open_stock((LAMP, MAIN, 5), (MUG, MAIN, 0))
    inventory.given(registered(), registered(MUG)).when(file, file).then(opened(5), told(5))


def test_the_same_file_again_does_nothing_after_stock_has_moved() -> None:
    """It says what was there at the start; what was sold since stays sold."""
    file = open_stock((LAMP, MAIN, 5))
    then = inventory.given(registered()).when(file, accepted(units(2)), parcel(units(2)), file)
    assert then.state(f"sku/{LAMP}").on_hand == 3


def test_a_higher_figure_receives_the_difference() -> None:
    """Two were forgotten in the first file."""
    file, better = open_stock((LAMP, MAIN, 5)), open_stock((LAMP, MAIN, 7))
    inventory.given(registered()).when(file, better, better).then(opened(5), told(5), opened(2))


def test_a_lower_figure_corrects_the_difference() -> None:
    """And is itself the figure that the next file is compared with."""
    file, less = open_stock((LAMP, MAIN, 5)), open_stock((LAMP, MAIN, 0))
    inventory.given(registered()).when(file, less, less, file).then(
        opened(5), told(5), corrected(-5), told(0), opened(5), told(5)
    )


def test_a_lower_figure_cannot_take_promised_units() -> None:
    """The row is refused with the numbers; the other rows go in."""
    given = inventory.given(registered(), registered(MUG), opened(5), told(5))
    given.when(accepted(units(4)))
    given.when(open_stock((LAMP, MAIN, 3), (MUG, MAIN, 1))).then(
        refused(
            2,
            "LAMP at MAIN: 5 on hand, 4 reserved; -2 would leave 3",
            state="on_hand=5 reserved=4",
            allowed=("ReceiveStock", "AdjustStock down by 1"),
        ),
        opened(1, MUG),
        told(1, MUG),
    )


def test_opening_stock_adds_to_what_was_received_by_documents() -> None:
    """Only the opening figure is replaced, never the deliveries."""
    then = inventory.given(*in_stock(4)).when(open_stock((LAMP, MAIN, 5)))
    then.then(opened(5))
    assert then.state(f"sku/{LAMP}").on_hand == 9
    assert received(4) != opened(4)


def test_an_unknown_sku_is_refused_by_its_line() -> None:
    """The master data comes first; the rows around it go in."""
    inventory.given(registered()).when(open_stock((GHOST, MAIN, 5), (LAMP, MAIN, 1))).then(
        refused(2, "SKU GHOST is not registered", GHOST, "unregistered", ("RegisterSkus",)),
        opened(1),
        told(1),
    )


def test_two_figures_for_one_place_are_refused_the_second_time() -> None:
    """They cannot both be true; taking the last would move stock with every import."""
    file = open_stock((LAMP, MAIN, 5), (LAMP, MAIN, 7))
    again = refused(3, "LAMP at MAIN is already in line 2")
    inventory.given(registered()).when(file, file).then(opened(5), again, told(5), again)


def test_rows_that_do_not_say_their_line_are_still_told_apart() -> None:
    """What counts is the place, not the number of the row."""
    rows = (StockRow(0, LAMP, MAIN, 5), StockRow(0, LAMP, MAIN, 7))
    inventory.given(registered()).when(OpenStock(rows, actor="anna", reference="stock.csv")).then(
        opened(5), refused(0, "LAMP at MAIN is already in line 0"), told(5)
    )
