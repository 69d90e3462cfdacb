"""The names of inventory's entities.

`sku/<sku>`, `reservation/<order>`, and `reference/<received|adjusted>/<location>/<sku>/<reference>` for each
document that moved stock. `write_off/<location>/<sku>/<reference>` is a request that a second person decides. A SKU
may contain slashes, so it is quoted where something follows it.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

SKU = "sku"
RESERVATION = "reservation"
REFERENCE = "reference"
WRITE_OFF = "write_off"


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


def write_off_entity(sku: str, location: str, reference: str) -> str:
    """The request to take units off the books by a document: `write_off/MAIN/LAMP/COUNT-3`."""
    return f"{WRITE_OFF}/{location}/{quote(sku, safe='')}/{reference}"


def write_off_named(key: str) -> tuple[str, str, str] | None:
    """SKU, location and reference of `MAIN/LAMP/COUNT-3`; None where the name is of another form."""
    location, _, rest = key.partition("/")
    sku, _, reference = rest.partition("/")
    return (unquote(sku), location, reference) if location and sku and reference else None
