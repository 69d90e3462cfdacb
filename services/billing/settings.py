"""Billing's settings: the `[billing]` and `[shop]` tables, and what the rules make of them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chassis.settings import Limits
from contracts.billing import Seller
from services.billing.domain.policies import Policies


class BillingSettings(BaseModel):
    """The `[billing]` table. `gateway_url` is empty for the sandbox of this system; seconds are floats.

    `payout_channels` names the channel that a payout provider pays out for, where they differ. `refund_limits_minor`:
    refunds above so many minor units of a currency need a second person; 0 is every one, a currency not named none.
    """

    model_config = ConfigDict(extra="forbid")

    gateway: str = "sandbox"
    gateway_url: str = ""
    gateway_connect_seconds: float = Field(default=1.0, gt=0)
    gateway_read_seconds: float = Field(default=5.0, gt=0)
    gateway_calls_at_once: int = Field(default=16, ge=1, le=256)
    invoice_series: str = Field(default="INV", pattern=r"^[A-Z][A-Z0-9]{0,15}$")
    timezone: str = "UTC"
    payout_channels: dict[str, str] = Field(default_factory=lambda: {"shopify_payments": "shopify"})
    refund_limits_minor: Limits = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        zone(name)
        return name


class ShopSettings(BaseModel):
    """What an invoice says about the seller: the `[shop]` table."""

    model_config = ConfigDict(extra="ignore")

    name: str = "Doorstep Demo Shop"
    address: tuple[str, ...] = ()
    country: str = ""
    vat_id: str = ""
    email: str = ""


def zone(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC needs no time zone data on the machine. Raises `ValueError`."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        raise ValueError(f"{name!r} is no time zone that this machine knows") from unknown


def seller_of(shop: ShopSettings) -> Seller:
    """The seller as printed on an invoice."""
    return Seller(
        name=shop.name,
        lines=(*shop.address, shop.country) if shop.country else shop.address,
        vat_id=shop.vat_id,
        contact=shop.email,
    )


def policies_of(settings: BillingSettings, shop: ShopSettings) -> Policies:
    """The frozen values that rules see."""
    return Policies(
        gateway=settings.gateway,
        series=settings.invoice_series,
        timezone=zone(settings.timezone),
        seller=seller_of(shop),
        channel_of=dict(settings.payout_channels),
        refund_limits=dict(settings.refund_limits_minor),
    )
