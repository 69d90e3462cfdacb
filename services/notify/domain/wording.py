"""Which wordings exist: one row per template, language and version, with the facts it needs.

A wording is never changed once it was used: a new version is a new row and new files, so that an old
message can be shown as it was sent. Files: `templates/<stem>.{subject,txt,html}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

FALLBACK = "en"
"""The language for everyone whose own is not there."""


class NoWording(LookupError):
    """No such template and version: the release that wrote the event knew more than this one."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A text in one language and version. It may use its `facts` and the recipient's `name`, nothing else."""

    template: str
    version: int
    language: str
    facts: frozenset[str]

    @property
    def stem(self) -> str:
        """`order_confirmed.v1`, or `order_confirmed.v1.de` for another language than the fallback."""
        named = f"{self.template}.v{self.version}"
        return named if self.language == FALLBACK else f"{named}.{self.language}"


ORDER = frozenset({"shop", "order"})

WORDINGS = (
    Wording("order_confirmed", 1, "en", ORDER | {"total", "units"}),
    Wording("order_confirmed", 2, "en", ORDER | {"total", "units"}),
    Wording(
        "parcel_dispatched", 1, "en", ORDER | {"carrier", "tracking_number", "tracking_url", "units", "more"}
    ),
    Wording("refund_made", 1, "en", ORDER | {"amount"}),
)

_BY_NAME = {(row.template, row.version, row.language): row for row in WORDINGS}
_NEWEST = {row.template: row.version for row in sorted(WORDINGS, key=lambda row: row.version)}


def newest_version(template: str) -> int:
    """The version that new messages are written in."""
    return _NEWEST[template]


@cache
def wording(template: str, version: int, language: str) -> Wording:
    """The text in the language, else in the fallback. Raises `NoWording` where neither exists."""
    for tried in (language, FALLBACK):
        if row := _BY_NAME.get((template, version, tried)):
            return row
    raise NoWording(f"no wording {template} v{version} in {language!r} or {FALLBACK!r}")


def language_of(locale: str) -> str:
    """The language part of a BCP 47 tag: `de-AT` is `de`."""
    return locale.replace("_", "-").partition("-")[0].lower()
