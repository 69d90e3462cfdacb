"""What is worth a message, and what the message says: from a fact of another service to an occasion.

The id of a notification is derived from its cause, so that the same fact, however often it is told, finds the
same notification. Facts are frozen when the message is queued: what a customer reads is what was true then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.address import Recipient
from contracts.billing import PaymentRefunded
from contracts.money import Money
from contracts.notify import Template
from contracts.orders import OrderAccepted
from contracts.placed_order import Units
from contracts.shipping import ParcelDispatched
from services.notify.domain.policies import Policies

LINK_SCHEMES = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class Occasion:
    """A reason to write to someone about an order. `part` tells two parcels, or two refunds, apart."""

    order_id: str
    template: Template
    cause: str
    recipient: Recipient
    facts: Mapping[str, str]
    part: str = ""

    @property
    def notification_id(self) -> str:
        """`<order id>:<template>` or `<order id>:<template>:<part>`."""
        return ":".join(filter(None, (self.order_id, self.template, self.part)))


def confirmation(accepted: OrderAccepted, policies: Policies) -> Occasion:
    """The order was accepted: for how much, and how many units are to come; none where nothing has to be sent."""
    return Occasion(
        order_id=accepted.order_id,
        template="order_confirmed",
        cause=f"order/{accepted.order_id}",
        recipient=accepted.recipient,
        facts={
            **_order_facts(accepted.order_id, accepted.recipient, policies),
            "total": str(Money(accepted.total_minor, accepted.currency)),
            "units": _units(accepted.lines) if accepted.lines else "",
        },
    )


def hand_over(dispatched: ParcelDispatched, policies: Policies) -> Occasion:
    """A parcel is with the carrier: who brings it, how to follow it, and whether more will come."""
    url = dispatched.tracking_url
    return Occasion(
        order_id=dispatched.order_id,
        template="parcel_dispatched",
        part=dispatched.parcel_id,
        cause=f"parcel/{dispatched.parcel_id}",
        recipient=dispatched.recipient,
        facts={
            **_order_facts(dispatched.order_id, dispatched.recipient, policies),
            "carrier": policies.carrier(dispatched.carrier),
            "tracking_number": dispatched.tracking_number,
            "tracking_url": url if url.startswith(LINK_SCHEMES) else "",
            "units": _units(dispatched.lines),
            "more": "" if dispatched.last else "yes",
        },
    )


def refund(refunded: PaymentRefunded, policies: Policies) -> Occasion:
    """Money went back: how much."""
    return Occasion(
        order_id=refunded.order_id,
        template="refund_made",
        part=refunded.refund_id,
        cause=f"refund/{refunded.refund_id}",
        recipient=refunded.recipient,
        facts={
            **_order_facts(refunded.order_id, refunded.recipient, policies),
            "amount": str(Money(refunded.amount_minor, refunded.currency)),
        },
    )


def order_of(notification_id: str) -> str:
    """The order a notification belongs to: an order id has one colon itself."""
    return ":".join(notification_id.split(":", 2)[:2])


def _order_facts(order_id: str, recipient: Recipient, policies: Policies) -> dict[str, str]:
    """The order as the customer knows it: by the number the channel told them, else by the channel's own id."""
    return {"shop": policies.shop_name, "order": recipient.order_number or order_id.partition(":")[2]}


def _units(lines: Iterable[Units]) -> str:
    return str(sum(line.quantity for line in lines))
