"""What to pack for a released order, and who carries it."""

from __future__ import annotations

from contracts.orders import OrderReleased
from contracts.shipping import FulfilmentPlanned, PlannedParcel
from services.shipping.domain.packing import pack
from services.shipping.domain.policies import ShippingPolicies


def plan(released: OrderReleased, policies: ShippingPolicies) -> FulfilmentPlanned:
    """The fulfilment: parcels `<order id>-p1`, `-p2`, ... by weight limit, all with the carrier in force today."""
    boxes = pack(released.lines, policies.parcel_max_g)
    parcels = tuple(
        PlannedParcel(
            parcel_id=f"{released.order_id}-p{number}", lines=tuple(box.units), weight_g=box.weight_g
        )
        for number, box in enumerate(boxes, 1)
    )
    return FulfilmentPlanned(
        order_id=released.order_id,
        fulfilment_id=f"ful-{released.order_id}",
        carrier=policies.carrier,
        ship_to=released.ship_to,
        recipient=released.recipient,
        parcels=parcels,
        ship_from=policies.ship_from,
    )
