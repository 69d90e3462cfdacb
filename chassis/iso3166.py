"""Codes of ISO 3166 in the place of what people write instead: countries, and their states."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache, lru_cache
from gettext import translation

import pycountry

from contracts.address import Address, with_region_code
from contracts.frozen import replace

BY_CODE = frozenset({"AU", "BR", "CA", "IT", "US"})
"""Where a postal address has its state or province by the code. Elsewhere its name is a part of the town's line."""
CODE = re.compile("[A-Za-z]{2}")
LANGUAGES = tuple(
    "bg cs da de el es et fi fr ga hr hu is it lt lv mt nb_NO nl pl pt ro sk sl sv tr uk".split()  # noqa: SIM905
)
"""In which countries are known by name, besides English: pycountry has the translations of Debian's iso-codes."""
NAMES = frozenset({"name", "common_name"})
KNOWN_BY = NAMES | {"alpha_3", "numeric", "official_name"}
OTHER_CODES = {"UK": "GB", "EL": "GR"}
"""Two letters that ISO 3166-1 keeps for the same country, or the European Union writes."""
OTHER_NAMES = {
    "AE": "UAE",
    "BN": "Brunei",
    "CD": "DRC, DR Congo",
    "CI": "Ivory Coast",
    "CV": "Cape Verde",
    "FM": "Micronesia",
    "GB": "U.K., Britain, Great Britain, England, Scotland, Wales, Northern Ireland",
    "IE": "Republic of Ireland",
    "MK": "Macedonia",
    "MM": "Burma",
    "MO": "Macau",
    "NL": "Holland",
    "PS": "Palestine",
    "RU": "Russia",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey",
    "US": "U.S., America",
    "VA": "Vatican, Vatican City",
    "XK": "Kosovo",
}
"""What people write in English and ISO 3166-1 has not, by code; Kosovo's is one that ISO leaves to its users."""
ADDED = re.compile(r" *\(.*?\)")
SPOKEN = ((re.compile(r"^the\s+"), ""), (re.compile(r"\bst\b"), "saint"), (re.compile("&"), "and"))
"""What is the same when it is said."""
LETTERS = str.maketrans("ıłđø", "ildo")
OTHER_STATES = {("US", "Washington DC"): "DC"}


def with_codes(address: Address) -> Address:
    """The address, its country and region by their codes. A country that is none is left out, and a region that is
    none goes into the town's line: what people type there is not sealed.
    """
    country = country_code(address.country)
    region = subdivision_code(country, address.region)
    return with_region_code(replace(address, country=country, region=region))


def require_country(path: str, address: Address | None) -> None:
    """Raises `ValueError` with the path of a country that `with_codes` would leave out."""
    if address and address.country.strip() and not country_code(address.country):
        raise ValueError(f"{path}.country is a code of ISO 3166-1, as DE, or the country's name")


@lru_cache(maxsize=1_000)
def country_code(text: str) -> str:
    """ISO 3166-1 alpha-2 for a code, or a name in English or one of `LANGUAGES`; empty for any other text."""
    text = text.strip()
    if not CODE.fullmatch(text):
        return _countries().get(_folded(text), "")
    code = OTHER_CODES.get(text.upper(), text.upper())
    return code if code in OTHER_NAMES or pycountry.countries.get(alpha_2=code) else ""


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
    and a name that translations give to two countries is nobody's.
    """
    translated: defaultdict[str, set[str]] = defaultdict(set)
    listed = _told(NAMES)
    for language in LANGUAGES:
        say = translation("iso3166-1", pycountry.LOCALES_DIR, [language]).gettext
        for code, text in listed:
            for spoken in _spoken(say(text)):
                translated[_folded(spoken)].add(code)
    known = {name: min(codes) for name, codes in translated.items() if len(codes) == 1}
    known |= {_folded(spoken): code for code, text in _told(KNOWN_BY) for spoken in _spoken(text)}
    return known | {_folded(name): code for code, names in OTHER_NAMES.items() for name in names.split(", ")}


def _told(fields: frozenset[str]) -> list[tuple[str, str]]:
    """What these fields of all countries say, with the code of each."""
    return [
        (country.alpha_2, text)
        for country in pycountry.countries
        for field, text in country
        if field in fields
    ]


def _spoken(name: str) -> set[str]:
    """As it is listed, and as people say it: `B A` for `A, B`, without what stands in brackets."""
    plain = ADDED.sub("", name)
    first, _, rest = plain.partition(", ")
    return {name, plain, f"{rest} {first}"}


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
    """Letters and digits alone, small, without accents, as it is said."""
    spelled = unicodedata.normalize("NFKD", text.casefold()).translate(LETTERS)
    for written, said in SPOKEN:
        spelled = written.sub(said, spelled)
    return "".join(filter(str.isalnum, spelled))
