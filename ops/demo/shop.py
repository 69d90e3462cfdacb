"""What the demo shop sells: goods in variants, each a SKU with a valid EAN-13, a price in euro and a stock."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from io import StringIO

from contracts.money import from_minor
from ops.demo.draw import Draw

SHOPIFY_DOMAIN = "linden-and-lark.myshopify.example"
WOOCOMMERCE_SITE = "https://linden-and-lark.example/"
LOCATION = "main"
IN_HOUSE_PREFIX = "21"
"""GS1 keeps the prefixes 20-29 for numbers that a shop uses within its own walls."""

GLAZES = ("Oat", "Sage", "Indigo", "Terracotta", "Charcoal")
LINENS = ("Natural", "Rust", "Olive", "Slate", "Blush")
SCENTS = ("Fig & Cedar", "Black Tea", "Sea Salt", "Wild Mint", "Amber")
WOODS = ("Oak", "Walnut", "Beech", "Ash")
PRINTS = ("Swallow", "Fern", "Lighthouse", "Fox", "Moth")
SIZES = ("Small", "Medium", "Large")
METALS = ("Brass", "Blackened Steel", "Copper")

FAMILIES: tuple[tuple[str, str, tuple[str, ...], int, str, int], ...] = (
    # code, title, variants, price in cents of a euro, VAT class, grams
    ("MUG", "Stoneware Mug", GLAZES, 1490, "standard", 380),
    ("BOWL", "Breakfast Bowl", GLAZES, 1690, "standard", 520),
    ("PLATE", "Dinner Plate", GLAZES, 1990, "standard", 780),
    ("JUG", "Half-Litre Jug", GLAZES, 2690, "standard", 850),
    ("TEAPOT", "Ribbed Teapot", GLAZES, 4290, "standard", 1150),
    ("VASE", "Bud Vase", GLAZES, 2190, "standard", 460),
    ("PLANTER", "Footed Planter", GLAZES, 2890, "standard", 1400),
    ("CANDLE", "Soy Candle", SCENTS, 2290, "standard", 410),
    ("DIFF", "Reed Diffuser", SCENTS, 2990, "standard", 350),
    ("SOAP", "Hand Soap Bar", SCENTS, 790, "standard", 120),
    ("WASH", "Hand Wash 300 ml", SCENTS, 1450, "standard", 360),
    ("BALM", "Hand Balm", SCENTS, 1250, "standard", 90),
    ("TOWEL", "Waffle Hand Towel", LINENS, 1890, "standard", 210),
    ("NAPKIN", "Linen Napkins, Set of 4", LINENS, 3290, "standard", 260),
    ("RUNNER", "Table Runner", LINENS, 3890, "standard", 340),
    ("CUSHION", "Washed Linen Cushion", LINENS, 4490, "standard", 620),
    ("THROW", "Lambswool Throw", LINENS, 8900, "standard", 980),
    ("APRON", "Cross-Back Apron", LINENS, 4690, "standard", 330),
    ("OVEN", "Quilted Oven Glove", LINENS, 2190, "standard", 180),
    ("BOARD", "Chopping Board", WOODS, 3490, "standard", 1250),
    ("SPOON", "Serving Spoon", WOODS, 1190, "standard", 70),
    ("TRAY", "Round Tray", WOODS, 4890, "standard", 920),
    ("PEPPER", "Pepper Mill", WOODS, 3990, "standard", 310),
    ("FRAME", "Picture Frame A4", WOODS, 2490, "standard", 640),
    ("HOOK", "Coat Hook", METALS, 1390, "standard", 150),
    ("LAMP", "Reading Lamp", METALS, 11900, "standard", 2300),
    ("HOLDER", "Candle Holder", METALS, 1990, "standard", 280),
    ("LANTERN", "Storm Lantern", METALS, 5490, "standard", 1600),
    ("BELL", "Shop Bell", METALS, 2790, "standard", 240),
    ("CARD", "Letterpress Card", PRINTS, 390, "standard", 20),
    ("WRAP", "Gift Wrap, 3 Sheets", PRINTS, 690, "standard", 60),
    ("TOTE", "Canvas Tote", PRINTS, 1790, "standard", 190),
    ("PRINT", "Riso Print A3", PRINTS, 2900, "standard", 140),
    ("NOTE", "Stitched Notebook", PRINTS, 1290, "standard", 220),
    ("MAGNET", "Enamel Magnet", PRINTS, 590, "standard", 30),
    ("PIN", "Enamel Pin", PRINTS, 850, "standard", 20),
    ("PUZZLE", "Wooden Puzzle", PRINTS, 2490, "standard", 480),
    ("BASKET", "Seagrass Basket", SIZES, 3290, "standard", 900),
    ("JAR", "Storage Jar", SIZES, 1590, "standard", 560),
    ("BOX", "Keepsake Box", SIZES, 2690, "standard", 430),
    ("TIN", "Cake Tin", SIZES, 2190, "standard", 520),
    ("HONEY", "Heather Honey", SIZES, 890, "reduced", 350),
    ("TEA", "Loose Leaf Tea", ("Assam", "Earl Grey", "Sencha", "Rooibos", "Chamomile"), 990, "reduced", 130),
    ("CHOC", "Dark Chocolate Bar", ("Sea Salt", "Orange", "Hazelnut", "Ginger"), 490, "reduced", 80),
    ("JAM", "Small-Batch Jam", ("Damson", "Apricot", "Rhubarb", "Quince"), 690, "reduced", 320),
    ("BISC", "Butter Biscuits", ("Lemon", "Almond", "Ginger"), 590, "reduced", 180),
    ("BOOK", "Pocket Guide", ("Bread", "Ferns", "Knots", "Night Sky", "Tea"), 1490, "reduced", 240),
)


@dataclass(frozen=True, slots=True)
class Good:
    """Something to buy. `price_minor` is euro cents with tax; `stock` what the first delivery brought."""

    sku: str
    title: str
    barcode: str
    price_minor: int
    vat_class: str
    weight_g: int
    stock: int


SOLD_OUT_SKU = "LAMP-COPPER"
"""Nearly nothing left of it, so that an order of the demo runs short."""


@cache
def goods() -> tuple[Good, ...]:
    """Everything the shop sells, always the same."""
    variants = [(family, variant) for family in FAMILIES for variant in family[2]]
    return tuple(_good(number, *pair) for number, pair in enumerate(variants, start=1))


def skus_csv() -> str:
    """Master data as `doorstep import skus` takes it."""
    head = ("sku", "title", "barcode", "price", "currency", "vat_class", "weight_g")
    return _csv(
        head,
        (
            (
                good.sku,
                good.title,
                good.barcode,
                from_minor(good.price_minor, "EUR"),
                "EUR",
                good.vat_class,
                good.weight_g,
            )
            for good in goods()
        ),
    )


def stock_csv() -> str:
    """Opening stock as `doorstep import stock` takes it."""
    return _csv(("sku", "location", "quantity"), ((good.sku, LOCATION, good.stock) for good in goods()))


def ean13(twelve: str) -> str:
    """Twelve digits and their check digit (weights 1 and 3 from the left, to the next ten)."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return f"{twelve}{-weighted % 10}"


def _good(number: int, family: tuple[str, str, tuple[str, ...], int, str, int], variant: str) -> Good:
    code, title, _, price_minor, vat_class, weight_g = family
    sku = f"{code}-{_code(variant)}"
    return Good(
        sku=sku,
        title=f"{title}, {variant}",
        barcode=ean13(f"{IN_HOUSE_PREFIX}{number:010d}"),
        price_minor=price_minor,
        vat_class=vat_class,
        weight_g=weight_g,
        stock=2 if sku == SOLD_OUT_SKU else 120 + Draw(f"stock {sku}").below(280),
    )


def _code(variant: str) -> str:
    return "-".join(
        "".join(sign for sign in word if sign.isalnum()) for word in variant.upper().split() if word != "&"
    )


def _csv(head: tuple[str, ...], rows: object) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()
