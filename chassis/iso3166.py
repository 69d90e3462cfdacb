"""Codes of ISO 3166 in the place of what people write instead: countries, and their states."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

import pycountry

from contracts.address import Address, with_region_code
from contracts.frozen import replace

BY_CODE = frozenset({"AU", "BR", "CA", "IT", "US"})
"""Where a postal address has its state or province by the code. Elsewhere its name is a part of the town's line."""
CODE = re.compile("[A-Za-z]{2}")


def with_codes(address: Address) -> Address:
    """The address, its country and region by their codes. A country that is none is left out, and a region that is
    none goes into the town's line: what people type there is not sealed.
    """
    country = country_code(address.country)
    region = subdivision_code(country, address.region)
    return with_region_code(replace(address, country=country, region=region))


@lru_cache(maxsize=1_000)
def country_code(text: str) -> str:
    """ISO 3166-1 alpha-2 for a code or an English name; empty for any other text."""
    text = text.strip()
    if CODE.fullmatch(text):
        return text.upper()
    try:
        return str(pycountry.countries.lookup(text).alpha_2)
    except LookupError:
        return ""


@lru_cache(maxsize=1_000)
def subdivision_code(country: str, text: str) -> str:
    """ISO 3166-2 without the country, for two letters, or a code or name as people write it (`N.Y.`) in a country of
    `BY_CODE`; else the text, stripped.
    """
    text = text.strip()
    return text.upper() if CODE.fullmatch(text) else _spellings(country).get(_folded(text), text)


@cache
def _spellings(country: str) -> dict[str, str]:
    """The codes of letters by themselves and by name, as `_folded` has them."""
    if country not in BY_CODE:
        return {}
    found = (each for each in pycountry.subdivisions if each.country_code == country)
    codes = ((each.code.partition("-")[2], each.name) for each in found)
    return {_folded(text): code for code, name in codes if code.isalpha() for text in (code, name)}


def _folded(text: str) -> str:
    """Letters and digits alone, small, without accents."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text.casefold())))
