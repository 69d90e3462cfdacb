"""Who buys in the demo shop: invented people at addresses of the right form, and the VAT of where they live."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ops.demo.draw import Draw


@dataclass(frozen=True, slots=True)
class Country:
    """A country the shop delivers to. VAT by class; prices in its currency are euro x `price_factor`."""

    code: str
    vat: dict[str, Decimal]
    places: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    currency: str = "EUR"
    price_factor: Decimal = Decimal(1)
    house_number_first: bool = False


def _vat(standard: str, reduced: str) -> dict[str, Decimal]:
    return {"standard": Decimal(standard), "reduced": Decimal(reduced)}


COUNTRIES: tuple[Country, ...] = (
    Country(
        "DE",
        _vat("0.19", "0.07"),
        (("10405", "Berlin"), ("22765", "Hamburg"), ("50672", "Köln"), ("80469", "München")),
        ("Lindenstraße", "Gartenweg", "Am Mühlbach"),
    ),
    Country(
        "FR",
        _vat("0.20", "0.055"),
        (("75011", "Paris"), ("69004", "Lyon"), ("44000", "Nantes")),
        ("rue des Lilas", "avenue Jean Jaurès", "rue de la Paix"),
        house_number_first=True,
    ),
    Country(
        "NL",
        _vat("0.21", "0.09"),
        (("1017 AB", "Amsterdam"), ("3511 LN", "Utrecht")),
        ("Prinsengracht", "Dorpsstraat"),
    ),
    Country("AT", _vat("0.20", "0.10"), (("1070", "Wien"), ("8010", "Graz")), ("Neubaugasse", "Herrengasse")),
    Country(
        "IT",
        _vat("0.22", "0.10"),
        (("20121", "Milano"), ("50122", "Firenze")),
        ("Via dei Mille", "Corso Garibaldi"),
    ),
    Country(
        "ES",
        _vat("0.21", "0.10"),
        (("08012", "Barcelona"), ("28004", "Madrid")),
        ("Calle Mayor", "Carrer de Verdi"),
    ),
    Country(
        "BE", _vat("0.21", "0.06"), (("1050", "Bruxelles"), ("9000", "Gent")), ("Rue du Bailli", "Veldstraat")
    ),
    Country(
        "PL",
        _vat("0.23", "0.05"),
        (("00-545", "Warszawa"), ("31-011", "Kraków")),
        ("ul. Marszałkowska", "ul. Długa"),
        "PLN",
        Decimal("4.30"),
    ),
    Country(
        "GB",
        _vat("0.20", "0.00"),
        (("EH3 9QG", "Edinburgh"), ("BS8 1QU", "Bristol"), ("M4 1HQ", "Manchester")),
        ("Orchard Lane", "Mill Road", "Station Road"),
        "GBP",
        Decimal("0.86"),
        house_number_first=True,
    ),
)
"""The more orders come from a country, the further up it stands: see `country_of`."""

FIRST_NAMES = (
    "Anna",
    "Jonas",
    "Marie",
    "Lukas",
    "Camille",
    "Hugo",
    "Sanne",
    "Daan",
    "Eva",
    "Felix",
    "Giulia",
    "Marco",
    "Lucía",
    "Pablo",
    "Zofia",
    "Jakub",
    "Isla",
    "Callum",
    "Nora",
    "Emil",
    "Ines",
    "Theo",
)
LAST_NAMES = (
    "Becker",
    "Winter",
    "Moreau",
    "Lefèvre",
    "de Vries",
    "Bakker",
    "Gruber",
    "Huber",
    "Rossi",
    "Conti",
    "García",
    "Serrano",
    "Nowak",
    "Zieliński",
    "Fraser",
    "Hughes",
    "Lambert",
    "Peeters",
    "Lindqvist",
    "Okafor",
    "Haddad",
)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who ordered, and where to."""

    first_name: str
    last_name: str
    email: str
    street: str
    postcode: str
    city: str
    country: Country

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


def country_of(draw: Draw) -> Country:
    """A country, home far more often than away."""
    return COUNTRIES[min(draw.below(len(COUNTRIES)), draw.below(len(COUNTRIES) + 2))]


def customer_of(draw: Draw) -> Customer:
    """Someone who buys. Mail addresses end in `.example`, so no message can reach anybody."""
    country = country_of(draw)
    first, last = draw.of(FIRST_NAMES), draw.of(LAST_NAMES)
    postcode, city = draw.of(country.places)
    street, number = draw.of(country.streets), 1 + draw.below(140)
    return Customer(
        first_name=first,
        last_name=last,
        email=f"{_plain(first)}.{_plain(last)}@mail.example",
        street=f"{number} {street}" if country.house_number_first else f"{street} {number}",
        postcode=postcode,
        city=city,
        country=country,
    )


def _plain(name: str) -> str:
    from unicodedata import normalize

    letters = normalize("NFKD", name.lower().replace("ł", "l"))
    return "".join(sign for sign in letters if sign.isascii() and sign.isalpha())
