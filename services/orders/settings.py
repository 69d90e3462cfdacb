"""What a shop can set for its orders: the channels they come from, and the limits of the rules."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from chassis.settings import section
from contracts.money import to_minor
from services.orders.domain.policies import HoldRules, OrderPolicies

type ChannelKind = Literal["shopify", "woocommerce", "canonical"]
type PaymentRoute = Literal["channel", "gateway"]
type AddressNeed = Literal["country", "place", "street"]
type Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""


class ChannelSettings(BaseModel):
    """One `[channels.<name>]` table.

    `kind` is how its messages are read. `secret` signs its webhooks; `previous_secret` is still taken while a
    secret is being changed. `payment = "gateway"`: the channel collects nothing, our gateway does; otherwise an
    order waits until the channel says that it is paid. `signed = "standard"`, for canonical channels: by the Standard
    Webhooks scheme, which refuses what is older than five minutes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ChannelKind
    secret: str = ""
    previous_secret: str = ""
    payment: PaymentRoute = "channel"
    signed: Literal["body", "standard"] = "body"

    @model_validator(mode="after")
    def _platforms_sign_their_own_way(self) -> Self:
        if self.signed == "standard" and self.kind != "canonical":
            raise ValueError('signed = "standard" is for channels of the kind canonical')
        return self


class ChannelTables(BaseModel):
    """The `[channels.*]` tables: any name, each a `ChannelSettings`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, ChannelSettings]


class HoldSettings(BaseModel):
    """The `[orders.hold]` table: which orders wait for a person.

    `total_above`: amounts by currency, as text (`EUR = "500.00"`); an order of more is held. `countries`: ISO codes
    that are delivered to; none means all. `address_needs`: what a delivery address must have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_above: dict[str, Decimal] = Field(default_factory=dict)
    countries: tuple[Country, ...] = ()
    address_needs: tuple[AddressNeed, ...] = ("country", "place", "street")

    @field_validator("total_above", mode="before")
    @classmethod
    def _no_fraction_is_lost(cls, amounts: Any) -> Any:
        if isinstance(amounts, dict) and any(isinstance(amount, float) for amount in amounts.values()):
            raise ValueError('write amounts as text, as in EUR = "500.00"')
        return amounts

    @field_validator("total_above")
    @classmethod
    def _is_money(cls, amounts: dict[str, Decimal]) -> dict[str, Decimal]:
        for currency, amount in amounts.items():
            to_minor(amount, currency)
        return amounts

    def rules(self) -> HoldRules:
        """In the form that the domain knows."""
        return HoldRules(
            total_above={
                currency: to_minor(amount, currency) for currency, amount in self.total_above.items()
            },
            countries=frozenset(self.countries),
            address_needs=self.address_needs,
        )


class IntakeSettings(BaseModel):
    """The `[orders.intake]` table: beyond these limits a webhook is answered 429 (docs/overload.md).

    `webhooks_at_once`: requests in progress at most; fewer where the machine is slower. `unread_max`: messages that are
    stored and wait to be decided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhooks_at_once: int = Field(default=48, ge=1)
    unread_max: int = Field(default=10_000, ge=1)


class OrdersSettings(BaseModel):
    """The `[orders]` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payment_hold_hours: int = Field(default=168, ge=0)
    """An order whose payment failed is cancelled after so many hours; 0 keeps it for ever."""
    hold: HoldSettings = HoldSettings()
    intake: IntakeSettings = IntakeSettings()


def channels() -> dict[str, ChannelSettings]:
    """Every configured channel by its name."""
    return dict(section("channels", ChannelTables).__pydantic_extra__)


def policies_of(orders: OrdersSettings, known: dict[str, ChannelSettings]) -> OrderPolicies:
    """The settings that decisions depend on, in the form that the domain knows."""
    return OrderPolicies(
        gateway_channels=frozenset(name for name, channel in known.items() if channel.payment == "gateway"),
        payment_hold_limit=timedelta(hours=orders.payment_hold_hours),
        hold=orders.hold.rules(),
    )
