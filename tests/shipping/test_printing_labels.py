"""Labels are drawn from recorded events: scannable, and the same bytes every time."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import zplkit
import zxingcpp
from PIL import Image

from contracts.address import Address
from services.shipping.documents.label import NoLabel, ShippingLabel, address_lines, label_of
from services.shipping.documents.pdf import pdf
from services.shipping.documents.zpl import zpl
from tests.shipping.makers import (
    DS1,
    DS2,
    P1,
    P2,
    carrier_label,
    failed,
    own_label,
    parcel,
    planned,
    requested,
)
from tests.spec import NOON

HISTORY = [
    (NOON, planned(parcel(), parcel(("ANVIL", 1), number=2, weight_g=29_000))),
    (NOON + timedelta(microseconds=37261), own_label(DS1, 1)),
    (NOON + timedelta(days=1), own_label(DS2, 2, number=2)),
]
LABEL = label_of(P1, HISTORY)
NUMBERS = [DS1, "SB000000014ZZ", "1Z999AA10123456784", "JJD000390007827104011", "00340434161094042557"]
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftoppm") is None, reason="pdftoppm (poppler) is not installed"
)


def scanned(image: Image.Image) -> list[tuple[str, str]]:
    return [(found.format.name, found.text) for found in zxingcpp.read_barcodes(image.convert("L"))]


def picture(document: bytes, folder: Path, dpi: int = 203) -> Image.Image:
    """The only page, as a printer would put it on paper."""
    (folder / "label.pdf").write_bytes(document)
    subprocess.run(["pdftoppm", "-r", str(dpi), "-png", "label.pdf", "page"], cwd=folder, check=True)
    (page,) = folder.glob("page*.png")
    return Image.open(page)


def test_a_label_says_what_was_recorded() -> None:
    """Number, address, weight and place in the shipment, all from the events."""
    assert label_of(P2, HISTORY) == ShippingLabel(
        carrier="doorstep",
        tracking_number=DS2,
        ship_from="Lamp Shop, Turmstr. 1, 10551 Berlin, DE",
        ship_to=("Ada Lindgren", "Kungsgatan 1", "111 43 Stockholm"),
        country="SE",
        order_id="shopify:1001",
        parcel_id=P2,
        number=2,
        of=2,
        weight_g=29_000,
        labelled_at=NOON + timedelta(days=1),
    )


def test_a_label_bought_after_a_correction_shows_the_corrected_address() -> None:
    """The address that the carrier refused must not be printed."""
    moved = Address(
        name="Ada Lindgren", line1="Kungsgatan 2", postcode="111 44", city="Stockholm", country="SE"
    )
    history = [
        planned(carrier="sandbox"),
        requested(),
        failed("no such house", carrier="sandbox"),
        requested(attempt=2, ship_to=moved, actor="mia", reason="wrong house"),
        carrier_label(attempt=2),
    ]
    label = label_of(P1, [(NOON, event) for event in history])
    assert label.ship_to == ("Ada Lindgren", "Kungsgatan 2", "111 44 Stockholm")


def test_a_parcel_without_a_label_has_nothing_to_print() -> None:
    """An empty label would be stuck on a parcel."""
    with pytest.raises(NoLabel, match=f"{P1} has no label yet"):
        label_of(P1, HISTORY[:1])


@pytest.mark.parametrize("draw", [pdf, lambda label: zpl(label).encode()])
def test_a_reprint_is_the_same_to_the_byte(draw) -> None:
    """The second copy is the first one, whenever it is asked for."""
    assert draw(LABEL) == draw(label_of(P1, HISTORY))
    assert draw(LABEL) != draw(label_of(P2, HISTORY))


@needs_poppler
@pytest.mark.parametrize("number", NUMBERS)
def test_the_printed_barcode_can_be_scanned(number: str, tmp_path: Path) -> None:
    """At the 203 dots of a cheap label printer, from the page as it comes out."""
    document = pdf(replace(LABEL, tracking_number=number))
    image = picture(document, tmp_path)
    assert image.size == (812, 1218)
    assert scanned(image) == [("Code128", number)]


@needs_poppler
def test_a_label_with_long_names_is_still_one_page_and_scans(tmp_path: Path) -> None:
    """Five lines of sixty letters, an id of ninety, another script: nothing runs into the bars."""
    long = replace(
        LABEL,
        ship_to=("Ж" * 60, "Company with a very long name and even more of it", "L" * 60, "W" * 60, "9" * 60),
        ship_from="S" * 400,
        order_id="a-channel-with-a-long-name:" + "9" * 64,
        parcel_id="a-channel-with-a-long-name:" + "9" * 64 + "-p1",
    )
    assert scanned(picture(pdf(long), tmp_path)) == [("Code128", DS1)]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_zpl_barcode_can_be_scanned(number: str) -> None:
    """As a label printer draws it."""
    document = zplkit.render(zpl(replace(LABEL, tracking_number=number)))
    (scene,) = document.labels
    assert (scene.width, scene.height) == (812, 1218)
    assert scanned(Image.open(io.BytesIO(scene.png()))) == [("Code128", number)]


def test_text_cannot_give_the_printer_orders() -> None:
    """A customer named `^XZ~JA` must not end the label or cancel the queue."""
    nasty = replace(LABEL, ship_to=("^XZ~JA_1\\&", "Kungsgatan 1"))
    document = zpl(nasty)
    assert document.count("^XZ") == 1
    assert "~" not in document
    assert "^FD_5EXZ_7EJA_5F1_5C&^FS" in document


def test_an_address_block_leaves_out_what_is_blank() -> None:
    """No empty lines, no stray commas, no control characters."""
    address = Address(
        name=" Ada \n Lindgren", company="", line1="Kungsgatan 1", city="Portland", region="OR", country="US"
    )
    assert address_lines(address) == ("Ada Lindgren", "Kungsgatan 1", "Portland, OR")
    assert address_lines(Address(region="OR")) == ("OR",)


def test_a_long_line_of_an_address_is_broken_not_cut() -> None:
    """A parcel with half a street on it goes nowhere."""
    street = "The Old Lighthouse behind the Harbour Master's House, Upper Floor, ring twice"
    first, second = address_lines(Address(line1=street))
    assert f"{first} {second}" == street
    printed = zpl(replace(LABEL, ship_to=(first, second)))
    assert first in printed
    assert second in printed


def test_weight_is_printed_in_kilograms_where_it_is_known() -> None:
    """A made-up 0.00 kg would be believed."""
    assert (LABEL.weight, replace(LABEL, weight_g=0).weight) == ("2.40 kg", "")
