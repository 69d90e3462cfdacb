"""What the retail file's codes and country names mean. As data."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

type AdjustmentKind = Literal["fee", "gift_card", "other"]


class Charge(NamedTuple):
    """A code that is no product: delivery (`kind` is None) or an adjustment of this kind."""

    kind: AdjustmentKind | None
    title: str


DELIVERY = None

CHARGES: dict[str, Charge] = {
    "POST": Charge(DELIVERY, "Postage"),
    "DOT": Charge(DELIVERY, "Dotcom postage"),
    "C2": Charge(DELIVERY, "Carriage"),
    "C3": Charge(DELIVERY, "Carriage"),
    "M": Charge("other", "Manual"),
    "D": Charge("other", "Discount"),
    "S": Charge("other", "Samples"),
    "B": Charge("other", "Bad debt"),
    "ADJUST": Charge("other", "Adjustment"),
    "ADJUST2": Charge("other", "Adjustment"),
    "BANK CHARGES": Charge("fee", "Bank charges"),
    "AMAZONFEE": Charge("fee", "Amazon fee"),
    "CRUK": Charge("fee", "Commission"),
    "GIFT": Charge("gift_card", "Gift voucher"),
}
"""By stock code in capitals. Everything else is goods, also PADS (cushion pads) and DCGS… (a brand's own codes)."""

CHARGE_STARTS: dict[str, Charge] = {
    "GIFT_": Charge("gift_card", "Gift voucher"),
    "TEST": Charge("other", "Test product"),
}

COUNTRIES: dict[str, str] = {
    "Australia": "AU",
    "Austria": "AT",
    "Bahrain": "BH",
    "Belgium": "BE",
    "Bermuda": "BM",
    "Brazil": "BR",
    "Canada": "CA",
    "Channel Islands": "JE",
    "Cyprus": "CY",
    "Czech Republic": "CZ",
    "Denmark": "DK",
    "EIRE": "IE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Greece": "GR",
    "Hong Kong": "HK",
    "Iceland": "IS",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Korea": "KR",
    "Lebanon": "LB",
    "Lithuania": "LT",
    "Malta": "MT",
    "Netherlands": "NL",
    "Nigeria": "NG",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "RSA": "ZA",
    "Saudi Arabia": "SA",
    "Singapore": "SG",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "Thailand": "TH",
    "USA": "US",
    "United Arab Emirates": "AE",
    "United Kingdom": "GB",
    "West Indies": "JM",
}
"""Names in both years of the dataset. The Channel Islands and the West Indies have no code of their own: Jersey and
Jamaica stand for them. Any other name ("Unspecified", "European Community") is the shop's own country, with a note."""

HOME = "GB"


@lru_cache(maxsize=10_000)
def charge_of(code: str) -> Charge | None:
    """What a code stands for if it is no product."""
    capitals = code.upper()
    if known := CHARGES.get(capitals):
        return known
    return next((charge for start, charge in CHARGE_STARTS.items() if capitals.startswith(start)), None)
