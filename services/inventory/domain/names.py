"""The names of inventory's entities.

`sku/<sku>`, `reservation/<order>`, and `reference/<received|adjusted>/<location>/<sku>/<reference>` for each
document that moved stock. A SKU may contain slashes, so it is quoted where something follows it.
"""

from __future__ import annotations

from urllib.parse import quote

SKU = "sku"
RESERVATION = "reservation"
REFERENCE = "reference"


def sku_entity(sku: str) -> str:
    """`sku/LAMP`."""
    return f"{SKU}/{sku}"


def reservation_entity(order_id: str) -> str:
    """`reservation/shopify:1001`."""
    return f"{RESERVATION}/{order_id}"


def receipt_entity(sku: str, location: str, reference: str) -> str:
    """The receipt of a SKU at a location by a document: `reference/received/MAIN/LAMP/DN-17`."""
    return f"{REFERENCE}/received/{location}/{quote(sku, safe='')}/{reference}"


def adjustment_entity(sku: str, location: str, reference: str) -> str:
    """The adjustment of a SKU at a location by a document: `reference/adjusted/MAIN/LAMP/COUNT-3`."""
    return f"{REFERENCE}/adjusted/{location}/{quote(sku, safe='')}/{reference}"
