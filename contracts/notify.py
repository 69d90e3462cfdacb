"""What the notify service says: one message per recipient and cause."""

from __future__ import annotations

from typing import Literal

from contracts.address import Recipient
from contracts.event import Event
from contracts.identifiers import OrderId
from contracts.placed_order import Text

type Template = Literal["order_confirmed", "parcel_dispatched", "refund_made"]


class NotificationQueued(Event, type="notify.NotificationQueued.v1"):
    """A message is due. `facts` are the values its template needs, as text."""

    notification_id: str
    order_id: OrderId
    cause: str
    template: Template
    template_version: int
    recipient: Recipient
    facts: dict[str, str]


class NotificationSent(Event, type="notify.NotificationSent.v1"):
    """The message was handed to the mail system."""

    notification_id: str
    order_id: OrderId
    message_id: str


class NotificationFailed(Event, type="notify.NotificationFailed.v1"):
    """The mail system refused it for good, and said why."""

    notification_id: str
    order_id: OrderId
    reason: Text


class NotificationSuppressed(Event, type="notify.NotificationSuppressed.v1"):
    """A message that was due and is not sent, with the reason (no address)."""

    notification_id: str
    order_id: OrderId
    cause: str
    template: Template
    reason: Text
