"""What a shipping label says, taken from the events of its fulfilment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap

from contracts.address import Address
from contracts.event import Event
from contracts.shipping import FulfilmentPlanned, LabelBought, LabelRequested

LINE_CHARACTERS_MAX = 50


class NoLabel(LookupError):
    """The parcel has no label, so there is nothing to draw."""


@dataclass(frozen=True, slots=True)
class ShippingLabel:
    """A label's content. `number` of `of` parcels; weights in grams."""

    carrier: str
    tracking_number: str
    ship_from: str
    ship_to: tuple[str, ...]
    country: str
    order_id: str
    parcel_id: str
    number: int
    of: int
    weight_g: int
    labelled_at: datetime

    @property
    def weight(self) -> str:
        """Kilograms as printed; empty where no line's weight is known."""
        return f"{self.weight_g // 1000}.{self.weight_g % 1000 // 10:02} kg" if self.weight_g else ""


def label_of(parcel_id: str, history: Sequence[tuple[datetime, Event]]) -> ShippingLabel:
    """The parcel's label as it was bought, with the address it was bought for. Raises `NoLabel`."""
    planned: FulfilmentPlanned | None = None
    bought: tuple[datetime, LabelBought] | None = None
    ship_to = Address()
    for time, event in history:
        match event:
            case FulfilmentPlanned():
                planned, ship_to = event, event.ship_to
            case LabelRequested(parcel_id=asked, ship_to=Address() as corrected) if asked == parcel_id:
                ship_to = corrected
            case LabelBought(parcel_id=labelled) if labelled == parcel_id:
                bought = (time, event)
    if planned is None or bought is None:
        raise NoLabel(f"{parcel_id} has no label yet")
    return _label(planned, *bought, ship_to)


def _label(
    planned: FulfilmentPlanned, time: datetime, bought: LabelBought, ship_to: Address
) -> ShippingLabel:
    number, parcel = next((n, p) for n, p in enumerate(planned.parcels, 1) if p.parcel_id == bought.parcel_id)
    return ShippingLabel(
        carrier=bought.carrier,
        tracking_number=bought.tracking_number,
        ship_from=planned.ship_from,
        ship_to=address_lines(ship_to),
        country=ship_to.country,
        order_id=bought.order_id,
        parcel_id=bought.parcel_id,
        number=number,
        of=len(planned.parcels),
        weight_g=parcel.weight_g,
        labelled_at=time,
    )


def address_lines(address: Address) -> tuple[str, ...]:
    """The address block, blank parts left out, long ones in several lines, control characters gone."""
    town = " ".join(part for part in (address.postcode, address.city) if part)
    if address.region:
        town = f"{town}, {address.region}".lstrip(", ")
    block = (address.name, address.company, address.line1, address.line2, town)
    return tuple(line for part in block for line in wrap(" ".join(part.split()), LINE_CHARACTERS_MAX))


def shortened(name: str, characters_max: int) -> str:
    """A long id by its end, which is what tells it from others."""
    return name if len(name) <= characters_max else f"..{name[2 - characters_max :]}"
