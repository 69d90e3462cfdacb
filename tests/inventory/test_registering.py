"""Master data comes in rows: new SKUs are registered, changed ones amended, a barcode belongs to one SKU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contracts.inventory import SkuAmended, SkuRegistered
from contracts.parking import CommandRefused
from services.inventory.domain.commands import RegisterSkus, SkuRow
from services.inventory.domain.stock import COMMAND_REFUSED, Item
from tests.inventory.samples import LAMP, MUG, in_stock, inventory

EAN, OTHER_EAN = "4006381333931", "4012345678901"
DESK_LAMP = Item("Desk lamp", EAN, 3990, "EUR", "standard", 850)
PLAIN_MUG = Item("Mug", OTHER_EAN, 990, "EUR", "standard", 300)


def register(*rows: tuple[str, Item]) -> RegisterSkus:
    numbered = enumerate(rows, 2)
    return RegisterSkus(
        tuple(SkuRow(line, *row) for line, row in numbered), actor="anna", reference="skus.csv"
    )


def facts(item: Item, **changed: Any) -> dict[str, Any]:
    names = ("title", "barcode", "price_minor", "currency", "vat_class", "weight_g")
    return {name: getattr(item, name) for name in names} | changed


def registered(sku: str, item: Item) -> SkuRegistered:
    return SkuRegistered(sku=sku, **facts(item), actor="anna")


def amended(sku: str, item: Item) -> SkuAmended:
    return SkuAmended(sku=sku, **facts(item), actor="anna")


def refused(line: int, sku: str, reason: str, state: str = "unregistered") -> CommandRefused:
    return COMMAND_REFUSED(
        entity=f"sku/{sku}",
        command="RegisterSkus",
        state=state,
        allowed=(),
        reason=reason,
        actor="anna",
        line=line,
    )


def test_new_skus_exist_from_now_on() -> None:
    """And are found: in the list, and by their barcode."""
    then = inventory.when(register((LAMP, DESK_LAMP), (MUG, PLAIN_MUG)))
    then.then(registered(LAMP, DESK_LAMP), registered(MUG, PLAIN_MUG))
    assert then.world.tagged("listed") == (f"sku/{LAMP}", f"sku/{MUG}")
    assert then.world.tagged(f"barcode:0{EAN}") == (f"sku/{LAMP}",)


def test_the_same_data_again_does_nothing() -> None:
    """The same file is imported every night."""
    file = register((LAMP, DESK_LAMP))
    inventory.when(file, file).then(registered(LAMP, DESK_LAMP))


def test_changed_data_amends_the_sku_and_leaves_its_stock() -> None:
    """The price went up; the lamps on the shelf are still there."""
    dearer = replace(DESK_LAMP, price_minor=4490)
    then = inventory.given(*in_stock(5)).when(register((LAMP, dearer)), register((LAMP, dearer)))
    then.then(amended(LAMP, dearer))
    assert then.state(f"sku/{LAMP}").available == 5


def test_a_barcode_of_another_sku_is_refused_naming_it() -> None:
    """Scanning it could mean either; the other rows go in."""
    inventory.given(registered(LAMP, DESK_LAMP)).when(
        register((MUG, replace(PLAIN_MUG, barcode=EAN)), ("CUP", PLAIN_MUG))
    ).then(refused(2, MUG, f"barcode: {EAN} belongs to SKU {LAMP}"), registered("CUP", PLAIN_MUG))  # fmt: skip


def test_two_rows_of_one_file_cannot_share_a_barcode() -> None:
    """The first has it, although nothing is committed yet."""
    inventory.when(register((LAMP, DESK_LAMP), (MUG, replace(PLAIN_MUG, barcode=EAN)))).then(
        registered(LAMP, DESK_LAMP), refused(3, MUG, f"barcode: {EAN} belongs to SKU {LAMP}")
    )


def test_the_same_number_written_as_upc_and_as_ean_is_the_same_barcode() -> None:
    """A leading zero does not make another article."""
    upc = replace(DESK_LAMP, barcode="036000291452")
    ean = replace(PLAIN_MUG, barcode="0036000291452")
    inventory.when(register((LAMP, upc), (MUG, ean))).then(
        registered(LAMP, upc), refused(3, MUG, f"barcode: 0036000291452 belongs to SKU {LAMP}")
    )


def test_a_barcode_that_one_row_gives_up_another_may_take() -> None:
    """Labels were mixed up; one file puts it right."""
    own = replace(DESK_LAMP, barcode="A-1")
    taken = replace(PLAIN_MUG, barcode=EAN)
    inventory.given(registered(LAMP, DESK_LAMP), registered(MUG, PLAIN_MUG)).when(
        register((LAMP, own), (MUG, taken))
    ).then(amended(LAMP, own), amended(MUG, taken))  # fmt: skip


def test_skus_without_a_barcode_do_not_share_one() -> None:
    """Empty is no barcode."""
    lamp, mug = replace(DESK_LAMP, barcode=""), replace(PLAIN_MUG, barcode="")
    inventory.when(register((LAMP, lamp), (MUG, mug))).then(registered(LAMP, lamp), registered(MUG, mug))


def test_a_wrong_check_digit_is_refused_with_the_right_one() -> None:
    """A typing error, found before the first parcel is packed by it."""
    typo = replace(DESK_LAMP, barcode="4006381333932")
    reason = "barcode: 4006381333932 is no GTIN-13, its last digit would have to be 1"
    inventory.when(register((LAMP, typo))).then(refused(2, LAMP, reason))


def test_a_refused_change_leaves_the_sku_as_it_was() -> None:
    """Not half of a row."""
    typo = replace(DESK_LAMP, barcode="4006381333932", price_minor=1)
    reason = "barcode: 4006381333932 is no GTIN-13, its last digit would have to be 1"
    then = inventory.given(registered(LAMP, DESK_LAMP)).when(register((LAMP, typo)))
    then.then(refused(2, LAMP, reason, "registered"))
    assert then.state(f"sku/{LAMP}").item == DESK_LAMP


def test_a_refused_sku_is_not_listed_but_can_be_registered_later() -> None:
    """The refusal is kept in the SKU's history."""
    typo = replace(DESK_LAMP, barcode="4006381333932")
    then = inventory.when(register((LAMP, typo)))
    assert then.world.tagged("listed") == ()
    inventory.given(*then.events).when(register((LAMP, DESK_LAMP))).then(registered(LAMP, DESK_LAMP))


def test_a_sku_twice_in_a_file_is_refused_the_second_time() -> None:
    """Otherwise each import would amend it back and forth."""
    dearer = replace(DESK_LAMP, price_minor=4490)
    inventory.when(register((LAMP, DESK_LAMP), (LAMP, dearer))).then(
        registered(LAMP, DESK_LAMP), refused(3, LAMP, "LAMP is already in line 2", "registered")
    )
