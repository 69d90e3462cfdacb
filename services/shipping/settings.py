"""Shipping's settings: the `[shipping]` and `[shop]` tables, and what the rules make of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.shipping.domain.policies import CarrierTerms, ShippingPolicies
from services.shipping.domain.tracking_number import SERIAL_MAX
from services.shipping.domain.vocabularies import VOCABULARIES

type TwoLetters = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
type Serial = Annotated[int, Field(ge=1, le=SERIAL_MAX)]
type CarrierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class CarrierSettings(BaseModel):
    """One carrier, `[shipping.carriers.<name>]`.

    `own_range` gives numbers from a range: `prefix`, `first`, `last` and `suffix` (by default the shop's
    country) say which one is granted at the first start. `http` is asked at `url`, empty for the sandbox of this
    system; its token comes from `DOORSTEP_SHIPPING__CARRIERS__<NAME>__TOKEN`. `vocabulary` names the words of
    its scans.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["own_range", "http"]
    vocabulary: str = "sandbox"
    prefix: TwoLetters = "DS"
    suffix: TwoLetters | None = None
    first: Serial = 1
    last: Serial = SERIAL_MAX
    url: str = Field(default="", pattern=r"^(https?://.+)?$")
    token: SecretStr = SecretStr("")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)

    @model_validator(mode="after")
    def _makes_sense(self) -> CarrierSettings:
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(f"vocabulary is one of {', '.join(VOCABULARIES)}")
        if self.first > self.last:
            raise ValueError("first is not after last")
        return self


BUILT_IN = {"doorstep": CarrierSettings(kind="own_range"), "sandbox": CarrierSettings(kind="http")}


class ShippingSettings(BaseModel):
    """The `[shipping]` table. `carrier` is who carries new fulfilments; weights are grams.

    `tracking_url` is what customers get, with `{tracking_number}` and `{port_base}` filled in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    carrier: CarrierName = "doorstep"
    carriers: dict[CarrierName, CarrierSettings] = {}
    parcel_max_g: int = Field(default=30_000, ge=1)
    autopilot: bool = False
    autopilot_after_seconds: int = Field(default=0, ge=0, le=30 * 86_400)
    tracking_url: str = "http://127.0.0.1:{port_base}/parcels/{tracking_number}"
    calls_at_once: int = Field(default=16, ge=1, le=256)

    @property
    def known_carriers(self) -> dict[str, CarrierSettings]:
        """The built-in carriers, and those of the configuration on top."""
        return BUILT_IN | self.carriers

    @model_validator(mode="after")
    def _carrier_is_known(self) -> ShippingSettings:
        if self.carrier not in self.known_carriers:
            raise ValueError(f"carrier {self.carrier!r} has no table [shipping.carriers.{self.carrier}]")
        return self


class ShopSettings(BaseModel):
    """Who sends, as printed on labels: the `[shop]` table."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = "Doorstep Demo Shop"
    address: tuple[str, ...] = ()
    country: str = ""

    @property
    def sender(self) -> str:
        """Name and address in one line."""
        return ", ".join(part for part in (self.name, *self.address, self.country) if part)


def policies_of(settings: ShippingSettings, shop: ShopSettings, port_base: int) -> ShippingPolicies:
    """The frozen values that rules see."""
    return ShippingPolicies(
        carrier=settings.carrier,
        carriers={
            name: CarrierTerms(own_range=carrier.kind == "own_range", vocabulary=carrier.vocabulary)
            for name, carrier in settings.known_carriers.items()
        },
        parcel_max_g=settings.parcel_max_g,
        autopilot=settings.autopilot,
        autopilot_after_seconds=settings.autopilot_after_seconds,
        tracking_url=settings.tracking_url.replace("{port_base}", str(port_base)),
        ship_from=shop.sender[:500],
    )
