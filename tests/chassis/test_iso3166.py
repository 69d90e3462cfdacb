"""What people write for a country or a state, and the code of it."""

from __future__ import annotations

import pycountry
import pytest

from chassis.iso3166 import LANGUAGES, OTHER_NAMES, country_code, subdivision_code

COUNTRIES = {
    "de": "DE",
    "DEU": "DE",
    "276": "DE",
    "Federal Republic of Germany": "DE",
    "deutschland": "DE",
    "Österreich": "AT",
    "Suisse": "CH",
    "Ελλάδα": "GR",
    "Turkey": "TR",
    "Türkiye": "TR",
    "Russia": "RU",
    "England": "GB",
    "Great  Britain": "GB",
    "uk": "GB",
    "u.k.": "GB",
    "U.S.A.": "US",
    "The Netherlands": "NL",
    "Côte d\u2019Ivoire": "CI",
    "Trinidad & Tobago": "TT",
    "Niger": "NE",
    "Dominica": "DM",
    "el": "GR",
    "xk": "XK",
    "Republic of Korea": "KR",
    "Democratic Republic of the Congo": "CD",
    "Falkland Islands": "FK",
    "the Philippines": "PH",
    "St. Kitts and Nevis": "KN",
    "KIBRIS": "CY",
    "Wlochy": "IT",
}
GERMANY = {
    "bg": "Германия",
    "cs": "Německo",
    "da": "Tyskland",
    "de": "Deutschland",
    "el": "Γερμανία",
    "es": "Alemania",
    "et": "Saksamaa",
    "fi": "Saksa",
    "fr": "Allemagne",
    "ga": "An Ghearmáin",
    "hr": "Njemačka",
    "hu": "Németország",
    "is": "Þýskaland",
    "it": "Germania",
    "lt": "Vokietija",
    "lv": "Vācija",
    "mt": "Ġermanja",
    "nb_NO": "Tyskland",
    "nl": "Duitsland",
    "pl": "Niemcy",
    "pt": "Alemanha",
    "ro": "Germania",
    "sk": "Nemecko",
    "sl": "Nemčija",
    "sv": "Tyskland",
    "tr": "Almanya",
    "uk": "Німеччина",
}


@pytest.mark.parametrize("text", COUNTRIES)
def test_a_country_is_known_as_people_write_it(text: str) -> None:
    assert country_code(text) == COUNTRIES[text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_country_is_known_in_each_language(language: str) -> None:
    assert country_code(GERMANY[language]) == "DE"


def test_what_two_countries_are_called_in_other_languages_is_neither() -> None:
    """The British Virgin Islands and those of the United States, in Norwegian."""
    assert country_code("Jomfruøyene") == ""
    assert (country_code("British Virgin Islands"), country_code("U.S. Virgin Islands")) == ("VG", "VI")


@pytest.mark.parametrize(
    "text", ["", ".", "\U0001f1e9\U0001f1ea", "Narnia", "Frau Q", "D.E.", "李王", "XX", "JD", "Korea"]
)
def test_what_is_no_country_has_no_code(text: str) -> None:
    assert country_code(text) == ""


def test_each_english_name_is_its_own_country() -> None:
    """No translation is stronger than what ISO 3166-1 says itself: in French two are called Saint Martin."""
    assert country_code("Saint Martin") == "MF"
    for country in pycountry.countries:
        assert country_code(country.name) == country_code(country.alpha_3) == country.alpha_2


def test_the_tables_name_what_pycountry_has_not() -> None:
    """Otherwise they need not be here."""
    assert len(LANGUAGES) == len(set(LANGUAGES))
    for names in OTHER_NAMES.values():
        for name in names.split(", "):
            with pytest.raises(LookupError):
                pycountry.countries.lookup(name)


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("AU", "Vic", "VIC"),
        ("AU", "Qld", "QLD"),
        ("US", "us-ca", "CA"),
        ("US", "Washington D.C.", "DC"),
        ("US", "Washington", "WA"),
        ("CA", "Newfoundland & Labrador", "NL"),
        ("IT", "L\u2019Aquila", "AQ"),
        ("GB", "u.k.", "u.k."),
        ("US", "J. R.", "J. R."),
        ("DE", "Washington DC", "Washington DC"),
    ],
)
def test_a_state_is_known_as_people_write_it(country: str, text: str, code: str) -> None:
    assert subdivision_code(country, text) == code
