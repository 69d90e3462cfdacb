"""What a shop can set for its orders: the channels they come from, and the limits of the rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.settings import section
from services.orders.domain.policies import OrderPolicies

type ChannelKind = Literal["shopify", "woocommerce", "canonical"]
type PaymentRoute = Literal["channel", "gateway"]


class ChannelSettings(BaseModel):
    """One `[channels.<name>]` table.

    `kind` is how its messages are read. `secret` signs its webhooks; `previous_secret` is still taken while a
    secret is being changed. `payment = "gateway"`: the channel collects nothing, our gateway does; otherwise an
    order waits until the channel says that it is paid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ChannelKind
    secret: str = ""
    previous_secret: str = ""
    payment: PaymentRoute = "channel"


class ChannelTables(BaseModel):
    """The `[channels.*]` tables: any name, each a `ChannelSettings`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, ChannelSettings]


class OrdersSettings(BaseModel):
    """The `[orders]` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payment_hold_hours: int = Field(default=168, ge=0)
    """An order whose payment failed is cancelled after so many hours; 0 keeps it for ever."""


def channels() -> dict[str, ChannelSettings]:
    """Every configured channel by its name."""
    return dict(section("channels", ChannelTables).__pydantic_extra__)


def policies(orders: OrdersSettings, known: dict[str, ChannelSettings]) -> OrderPolicies:
    """The settings that decisions depend on, in the form that the domain knows."""
    return OrderPolicies(
        gateway_channels=frozenset(name for name, channel in known.items() if channel.payment == "gateway"),
        payment_hold_limit=timedelta(hours=orders.payment_hold_hours),
    )
