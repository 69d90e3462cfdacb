"""How amounts, times and events read on the page."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

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
HOLDS_END = {
    "sku_unmapped": "Import the article, or give the line a SKU at the channel: then the order goes on by itself.",
    "totals_mismatch": "Compare the lines with the channel's own. A corrected order from there goes on by itself; "
    "release the hold if the total is right after all.",
    "address_invalid": "Have the address corrected at the channel: the order comes again and goes on by itself. "
    "Release the hold if the address is right after all.",
    "stock_short": "Receive stock: then it goes on by itself, the oldest order first. Or cancel it.",
    "payment_failed": "When the customer has paid it goes on by itself. Releasing the hold asks for the money again.",
    "manual": "Release it when what was asked is settled, or cancel the order.",
}
"""What ends a hold, for whoever looks at the order."""
TEMPLATES = {
    "order_confirmed": "Order confirmed",
    "parcel_dispatched": "Parcel on its way",
    "refund_made": "Refund made",
}
SERVICE_FIGURES = {
    "lag": "lag",
    "position": "store position",
    "relay_behind": "relay behind",
    "effects_pending": "calls open",
    "timers_pending": "timers",
    "parked": "parked",
}
"""What a service says of itself, and how the page calls it."""
FIGURES_MEAN = {
    "lag": "what others have said and this service has not read yet",
    "store position": "how many facts it has recorded, ever",
    "relay behind": "recorded facts that the others cannot read yet",
    "calls open": "questions to the outside (payments, labels, mail) without an answer yet",
    "timers": "things that will be looked at again at a set time, such as stock that stays promised until then",
    "parked": "messages that could not be used and wait for a person: `doorstep park list` shows them with the reason",
}
"""What the page calls it, in plain words. All but the position and the timers are 0 when nothing is late."""
NOT_FOUND = {
    "orders": (
        "There is no order {named}",
        "No channel ever sent it, and no invoice or parcel has this number. If the channel says that it did send it, "
        "look among the messages that could not be used, on today's page.",
    ),
    "payouts": (
        "There is no payout {named}",
        "No statement with this id has come in. Payouts are written provider:id, as in stripe:po-0001.",
    ),
    "parcels": (
        "There is no parcel {named}",
        "Compare the number with the one in your message. A parcel that is still being packed has none yet.",
    ),
    "mail": ("There is no message {named}", "Messages are listed on today's page and on their order's."),
    "documents": (
        "There is no document {named}",
        "An invoice exists once its parcel has left, a label once the carrier gave its number.",
    ),
}
"""What to say where nothing is found, by the first part of the path: what was looked for, and what to do."""
NOT_POSSIBLE = "That is not possible"
REFUSED = {
    401: ("You are signed out", "Nothing was done. Sign in, and then do it again."),
}
"""What to say to a person who is refused, by status: a heading and a sentence. Others say their reason."""
NO_SUCH_PAGE = ("There is no such page", "The address is not one of this system's.")


def not_found(path: str) -> tuple[str, str]:
    """A heading and a sentence for a path that leads to nothing."""
    place, _, named = path.strip("/").partition("/")
    heading, sentence = NOT_FOUND.get(place, NO_SUCH_PAGE) if named else NO_SUCH_PAGE
    return heading.format(named=named.removeprefix("invoice.pdf/")), sentence


def not_done(error: object) -> str:
    """A service's refusal of a command, to the person who gave it."""
    return f"Not done: {error}."


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


def clock(time: str, zone: tzinfo = UTC) -> str:
    """The time of day of a moment where the shop is, to the second."""
    return moment(time).astimezone(zone).strftime("%H:%M:%S")


def day(time: str, zone: tzinfo = UTC) -> str:
    """The day of a moment where the shop is: `21 November 2026`."""
    at = moment(time).astimezone(zone)
    return f"{at.day} {at:%B %Y}"


def zone_at(time: str, zone: tzinfo = UTC) -> str:
    """What the shop's time is called at a moment: `CET`."""
    return moment(time).astimezone(zone).strftime("%Z")


def moment(time: str) -> datetime:
    """An RFC 3339 time; one without a zone is UTC."""
    at = datetime.fromisoformat(time)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def plain(name: str) -> str:
    """`out_for_delivery` reads `out for delivery`."""
    return name.replace("_", " ")
