"""What shipping's commands look like as JSON: checked at the border, 422 with the field where something is wrong."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from chassis.http import UNNAMED, Actor, Signed, Stated
from chassis.iso3166 import require_country, with_codes
from contracts.address import Address, require_short
from contracts.placed_order import Text
from services.shipping.domain.vocabularies import VOCABULARIES
from services.shipping.settings import Serial, TwoLetters

HANDED_OVER = "handed over"
"""Why parcels leave, where a packing table's scanner has no other words for it."""


def _corrected(address: Address) -> Address:
    """By its codes. Raises `ValueError` for a text that is too long, and a country that nobody knows."""
    require_short("ship_to", address)
    require_country("ship_to", address)
    return with_codes(address)


class DispatchBody(Signed):
    """Who hands over, why, and which parcels (all that have a label, if none are named)."""

    reason: Stated = HANDED_OVER
    parcels: tuple[str, ...] = ()


class RetryBody(Signed):
    """Who asks again for failed labels, why, and with what change."""

    parcels: tuple[str, ...] = ()
    carrier: str = ""
    ship_to: Annotated[Address, AfterValidator(_corrected)] | None = None


class ScanBody(BaseModel):
    """A carrier's scan, and who reports it. Without a `scan_id` (or `id`), code, time and place make one: it still
    counts once.
    """

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(min_length=1, max_length=100)]
    at: AwareDatetime
    place: Text = ""
    scan_id: Annotated[str, Field(max_length=100, validation_alias=AliasChoices("scan_id", "id"))] = ""
    vocabulary: str = ""
    actor: Actor = UNNAMED

    @model_validator(mode="after")
    def _vocabulary_is_known(self) -> ScanBody:
        if self.vocabulary and self.vocabulary not in VOCABULARIES:
            raise ValueError(f"vocabulary is one of {', '.join(VOCABULARIES)}")
        return self

    @property
    def id(self) -> str:
        """The scan's id."""
        return self.scan_id or f"{self.code}@{self.at.isoformat()}/{self.place}"


class GrantBody(Signed):
    """A block of tracking numbers for a carrier."""

    range_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    prefix: TwoLetters
    suffix: TwoLetters
    first: Serial
    last: Serial
