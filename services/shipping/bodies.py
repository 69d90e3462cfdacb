"""What shipping's commands look like as JSON: checked at the border, 422 with the field where something is wrong."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from contracts.address import Address
from contracts.order import Text
from services.shipping.domain.vocabularies import VOCABULARIES
from services.shipping.settings import Serial, TwoLetters

type Said = Annotated[str, Field(min_length=1, max_length=500)]


class DispatchBody(BaseModel):
    """Who hands over, and which parcels (all that have a label, if none are named)."""

    model_config = ConfigDict(extra="forbid")

    actor: Said
    parcels: tuple[str, ...] = ()


class RetryBody(BaseModel):
    """Who asks again for failed labels, why, and with what change."""

    model_config = ConfigDict(extra="forbid")

    actor: Said
    reason: Said
    parcels: tuple[str, ...] = ()
    carrier: str = ""
    ship_to: Address | None = None


class ScanBody(BaseModel):
    """A carrier's scan. Without a `scan_id` its code, time and place make one, so it still counts once."""

    model_config = ConfigDict(extra="ignore")

    code: Annotated[str, Field(min_length=1, max_length=100)]
    at: AwareDatetime
    place: Text = ""
    scan_id: Annotated[str, Field(max_length=100)] = ""
    vocabulary: str = ""

    @model_validator(mode="after")
    def _vocabulary_is_known(self) -> ScanBody:
        if self.vocabulary and self.vocabulary not in VOCABULARIES:
            raise ValueError(f"vocabulary is one of {', '.join(VOCABULARIES)}")
        return self

    @property
    def id(self) -> str:
        """The scan's id."""
        return self.scan_id or f"{self.code}@{self.at.isoformat()}/{self.place}"


class GrantBody(BaseModel):
    """A block of tracking numbers for a carrier."""

    model_config = ConfigDict(extra="forbid")

    actor: Said
    reason: Said
    range_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    prefix: TwoLetters
    suffix: TwoLetters
    first: Serial
    last: Serial
