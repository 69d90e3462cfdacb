"""Global Trade Item Numbers: the digits under a barcode, and the last of them, which checks the others.

Rule: GS1 General Specifications, section 7.9, "Check digit calculations": from the right, weights 3 and 1 in
turn, the sum filled up to the next ten.
"""

from __future__ import annotations

LENGTHS = (8, 12, 13, 14)
"""GTIN-8, GTIN-12 (UPC-A), GTIN-13 (EAN) and GTIN-14 (cases)."""


def check_digit(digits: str) -> str:
    """The check digit for the digits that stand before it, for a GS1 number of any length."""
    weighted = sum(int(digit) * (3 - 2 * (place % 2)) for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)


def looks_like_gtin(barcode: str) -> bool:
    """Digits only, as many as a GTIN has. Everything else is the shop's own code, taken as it is."""
    return len(barcode) in LENGTHS and barcode.isascii() and barcode.isdigit()


def fault(barcode: str) -> str:
    """What is wrong with a barcode; empty where nothing is."""
    if not looks_like_gtin(barcode) or barcode[-1] == check_digit(barcode[:-1]):
        return ""
    right = check_digit(barcode[:-1])
    return f"barcode: {barcode} is no GTIN-{len(barcode)}, its last digit would have to be {right}"


def comparable(barcode: str) -> str:
    """A GTIN filled up to 14 digits: GTIN-12 and GTIN-13 of the same article are one number."""
    return barcode.zfill(LENGTHS[-1]) if looks_like_gtin(barcode) else barcode
