"""How amounts, times and events read on the page."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.money import from_minor

SIGNS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}
AGES = ((86_400, "d"), (3_600, "h"), (60, "min"))

HOLDS = {
    "sku_unmapped": "The channel sells something that is not in the catalogue",
    "totals_mismatch": "The channel's totals do not add up",
    "address_invalid": "The address cannot be delivered to",
    "stock_short": "Not enough in stock",
    "payment_failed": "The payment did not go through",
    "manual": "Held by a person",
}
TEMPLATES = {
    "order_confirmed": "Order confirmed",
    "parcel_dispatched": "Parcel on its way",
    "refund_made": "Refund made",
}


def money(minor: int | None, currency: str) -> str:
    """1250 EUR reads `€12.50`; a currency without a sign stands behind: `53.70 PLN`."""
    if minor is None:
        return "–"
    whole, _, cents = from_minor(abs(minor), currency).partition(".")
    amount = f"{int(whole):,}" + (f".{cents}" if cents else "")
    said = f"{SIGNS[currency]}{amount}" if currency in SIGNS else f"{amount} {currency}"
    return f"−{said}" if minor < 0 else said


def age(time: str, now: datetime | None = None) -> str:
    """How long ago, in its largest unit: `now`, `4 min`, `3 h`, `2 d`."""
    seconds = ((now or datetime.now(UTC)) - moment(time)).total_seconds()
    for length, unit in AGES:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s" if seconds >= 5 else "now"


def clock(time: str) -> str:
    """The time of day of a moment, to the second, UTC."""
    return moment(time).astimezone(UTC).strftime("%H:%M:%S")


def day(time: str) -> str:
    """The day of a moment: `21 November 2026`."""
    at = moment(time).astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def moment(time: str) -> datetime:
    """An RFC 3339 time; one without a zone is UTC."""
    at = datetime.fromisoformat(time)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def plain(name: str) -> str:
    """`out_for_delivery` reads `out for delivery`."""
    return name.replace("_", " ")
