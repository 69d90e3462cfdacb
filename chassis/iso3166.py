"""Codes of ISO 3166 in the place of what people write instead: countries, and their states."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache
from gettext import NullTranslations, translation

import pycountry

from contracts.address import Address, with_region_code
from contracts.frozen import replace

BY_CODE = frozenset({"AU", "BR", "CA", "IT", "US"})
"""Where a postal address has its state or province by the code. Elsewhere its name is a part of the town's line."""
CODE = re.compile("[A-Za-z]{2}")
LANGUAGES = tuple(
    "bg cs da de el es et fi fr ga hr hu is it lt lv mt nb nl pl pt ro sk sl sv tr uk".split()  # noqa: SIM905
)
"""In which countries are known by name, besides English: pycountry has the translations of Debian's iso-codes."""
KNOWN_BY = frozenset({"alpha_3", "numeric", "name", "official_name", "common_name"})
OTHER_CODES = {"UK": "GB", "EL": "GR"}
"""Two letters that ISO 3166-1 keeps for the same country, or the European Union writes."""
OTHER_NAMES = {
    "AE": "UAE",
    "BN": "Brunei",
    "BS": "The Bahamas",
    "CD": "DR Congo",
    "CI": "Ivory Coast",
    "CV": "Cape Verde",
    "GB": "U.K., Britain, Great Britain, England, Scotland, Wales, Northern Ireland",
    "GM": "The Gambia",
    "IE": "Republic of Ireland",
    "MK": "Macedonia",
    "MM": "Burma",
    "MO": "Macau",
    "NL": "The Netherlands, Holland",
    "PS": "Palestine",
    "RU": "Russia",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey",
    "US": "U.S., The United States, The USA, America",
    "VA": "Vatican, Vatican City",
    "XK": "Kosovo",
}
"""Names people write that are not in ISO 3166-1, by code."""
OTHER_STATES = {("US", "Washington DC"): "DC"}


def with_codes(address: Address) -> Address:
    """The address, its country and region by their codes. A country that is none is left out, and a region that is
    none goes into the town's line: what people type there is not sealed.
    """
    country = country_code(address.country)
    region = subdivision_code(country, address.region)
    return with_region_code(replace(address, country=country, region=region))


def require_country(address: Address) -> None:
    """Raises `ValueError` where the address has a country that `with_codes` would leave out."""
    if address.country and not country_code(address.country):
        raise ValueError("country is a code of ISO 3166-1, as in DE, or the country's name")


@lru_cache(maxsize=1_000)
def country_code(text: str) -> str:
    """ISO 3166-1 alpha-2 for a code, or a name in English or one of `LANGUAGES`; empty for any other text."""
    text = text.strip()
    if CODE.fullmatch(text):
        return OTHER_CODES.get(text.upper(), text.upper())
    return _countries().get(_folded(text), "")


@lru_cache(maxsize=1_000)
def subdivision_code(country: str, text: str) -> str:
    """ISO 3166-2 without the country, for two letters, or a code or name as people write it (`N.Y.`) in a country of
    `BY_CODE`; else the text, stripped.
    """
    text = text.strip()
    return text.upper() if CODE.fullmatch(text) else _states(country).get(_folded(text), text)


@cache
def _countries() -> dict[str, str]:
    """Alpha-2 codes by all that is known of each country, as `_folded` has it. English is stronger than a translation,
    and a name that two languages give to two countries is nobody's.
    """
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES:
        for code, name in _names(translation("iso3166-1", pycountry.LOCALES_DIR, [language])):
            codes[name].add(code)
    translated = {name: min(one) for name, one in codes.items() if len(one) == 1}
    others = {_folded(name): code for code, names in OTHER_NAMES.items() for name in names.split(", ")}
    own = (
        (country.alpha_2, text)
        for country in pycountry.countries
        for field, text in country
        if field in KNOWN_BY
    )
    return translated | {_folded(text): code for code, text in own} | others


def _names(language: NullTranslations) -> Iterator[tuple[str, str]]:
    for country in pycountry.countries:
        for field, text in country:
            if field in ("name", "common_name"):
                yield country.alpha_2, _folded(language.gettext(text))


@cache
def _states(country: str) -> dict[str, str]:
    """The codes of letters by themselves, behind the country's and by name, as `_folded` has them."""
    if country not in BY_CODE:
        return {}
    found = (each for each in pycountry.subdivisions if each.country_code == country)
    spelled = [(each.code.partition("-")[2], (each.code, each.name)) for each in found]
    states = {_folded(text): code for code, more in spelled if code.isalpha() for text in (code, *more)}
    return states | {_folded(name): code for (where, name), code in OTHER_STATES.items() if where == country}


def _folded(text: str) -> str:
    """Letters and digits alone, small, without accents; `&` is a word."""
    spelled = unicodedata.normalize("NFKD", text.replace("&", "and").casefold())
    return "".join(filter(str.isalnum, spelled))
