"""What publishers may send in, beside the channels' own raw bodies. Subjects `evt.channels.<channel>.<topic>`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from contracts.event import Event
from contracts.identifiers import ChannelName, ChannelOrderId
from contracts.placed_order import Minor, OrderLine, PlacedOrder, Text


class OrderPlaced(Event, type="channels.OrderPlaced.v1"):
    """A publisher reports an order, or a newer version of it, in the canonical schema."""

    order: PlacedOrder


class ReturnReported(Event, type="channels.ReturnReported.v1"):
    """Goods or money went back at the channel, without naming the order (a credit invoice in a ledger export)."""

    channel: ChannelName
    return_id: ChannelOrderId
    reported_at: datetime
    currency: str
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=2000)]
    total_minor: Minor
    reason: Text = ""
