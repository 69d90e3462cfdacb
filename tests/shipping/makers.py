"""Facts that the tests of shipping start from and compare with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.address import Address, Recipient
from contracts.orders import CancellationRequested, OrderReleased, ReleasedLine
from contracts.parking import REFUSALS, CommandRefused
from contracts.placed_order import Units
from contracts.shipping import (
    CancellationRefused,
    FulfilmentCancelled,
    FulfilmentPlanned,
    LabelBought,
    LabelFailed,
    LabelRequested,
    LabelVoided,
    ParcelDispatched,
    PlannedParcel,
    TrackingRangeGranted,
)
from services.shipping.domain.tracking_number import check_digit
from services.shipping.settings import CarrierSettings, ShippingSettings, ShopSettings
from services.shipping.wiring import declare
from tests.spec import NOON, Spec

ORDER = "shopify:1001"
FULFILMENT = f"fulfilment/{ORDER}"
P1, P2 = f"{ORDER}-p1", f"{ORDER}-p2"
ADA = Recipient(name="Ada Lindgren", email="ada@example.com")
HOME = Address(name="Ada Lindgren", line1="Kungsgatan 1", city="Stockholm", postcode="111 43", country="SE")
SHOP = ShopSettings(name="Lamp Shop", address=("Turmstr. 1", "10551 Berlin"), country="DE")
LAMP = ReleasedLine(line_id="1", sku="LAMP", quantity=2, weight_g=1200)
HEAVY = ReleasedLine(line_id="2", sku="ANVIL", quantity=1, weight_g=29_000)


def shipping(**settings: Any) -> Spec:
    """The service with these settings; one parcel weighs 30 kg at most."""
    others = {"post": CarrierSettings(kind="own_range", prefix="DP"), "fast": CarrierSettings(kind="http")}
    return Spec(declare(ShippingSettings(**{"carriers": others} | settings), SHOP))


def released(*lines: ReleasedLine, order: str = ORDER, ship_to: Address = HOME) -> OrderReleased:
    return OrderReleased(order_id=order, ship_to=ship_to, recipient=ADA, lines=lines or (LAMP,))


def cancel(order: str = ORDER) -> CancellationRequested:
    return CancellationRequested(order_id=order, reason="changed mind", actor="orders")


def granted(
    first: int = 1, last: int = 1000, range_id: str = "first", carrier: str = "doorstep"
) -> TrackingRangeGranted:
    return TrackingRangeGranted(
        carrier=carrier, range_id=range_id, prefix="DS", suffix="DE", first=first, last=last,
        actor="doorstep", reason="first start",
    )  # fmt: skip


def parcel(
    *units: tuple[str, int], number: int = 1, weight_g: int = 2400, order: str = ORDER
) -> PlannedParcel:
    lines = units or (("LAMP", 2),)
    return PlannedParcel(
        parcel_id=f"{order}-p{number}",
        lines=tuple(Units(sku=sku, quantity=quantity) for sku, quantity in lines),
        weight_g=weight_g,
    )


def planned(*parcels: PlannedParcel, carrier: str = "doorstep", order: str = ORDER) -> FulfilmentPlanned:
    return FulfilmentPlanned(
        order_id=order,
        fulfilment_id=f"ful-{order}",
        carrier=carrier,
        ship_to=HOME,
        recipient=ADA,
        parcels=parcels or (parcel(order=order),),
        ship_from="Lamp Shop, Turmstr. 1, 10551 Berlin, DE",
    )


def _of(order: str, number: int) -> dict[str, str]:
    return {"order_id": order, "fulfilment_id": f"ful-{order}", "parcel_id": f"{order}-p{number}"}


def requested(number: int = 1, attempt: int = 1, carrier: str = "sandbox", **more: Any) -> LabelRequested:
    return LabelRequested(
        **_of(ORDER, number), carrier=carrier, reference=f"{ORDER}-p{number}-l{attempt}", **more
    )


def own_label(
    tracking_number: str, serial: int, number: int = 1, order: str = ORDER, **more: Any
) -> LabelBought:
    usual = {"carrier": "doorstep", "reference": f"{order}-p{number}-l1"} | more
    return LabelBought(
        **_of(order, number),
        **usual,
        tracking_number=tracking_number,
        tracking_url=f"http://127.0.0.1:8080/parcels/{tracking_number}",
        serial=serial,
    )


def carrier_label(
    tracking_number: str = "SB1", number: int = 1, attempt: int = 1, **more: Any
) -> LabelBought:
    usual = {
        "carrier": "sandbox",
        "tracking_url": "https://c.example/SB1",
        "cost_minor": 490,
        "currency": "EUR",
    }
    return LabelBought(
        **_of(ORDER, number),
        **usual | more,
        reference=f"{ORDER}-p{number}-l{attempt}",
        tracking_number=tracking_number,
    )


def failed(reason: str, number: int = 1, order: str = ORDER, **more: Any) -> LabelFailed:
    return LabelFailed(**_of(order, number), **{"carrier": "doorstep"} | more, reason=reason)


def voided(tracking_number: str, number: int = 1, carrier: str = "doorstep", **more: Any) -> LabelVoided:
    return LabelVoided(
        **_of(ORDER, number),
        carrier=carrier,
        reference=f"{ORDER}-p{number}-l1",
        tracking_number=tracking_number,
        **more,
    )


def dispatched(
    label: LabelBought,
    *units: tuple[str, int],
    actor: str = "autopilot",
    reason: str = "",
    last: bool = True,
    at: datetime = NOON,
) -> ParcelDispatched:
    lines = units or (("LAMP", 2),)
    return ParcelDispatched(
        order_id=label.order_id,
        fulfilment_id=label.fulfilment_id,
        parcel_id=label.parcel_id,
        carrier=label.carrier,
        tracking_number=label.tracking_number,
        tracking_url=label.tracking_url,
        lines=tuple(Units(sku=sku, quantity=quantity) for sku, quantity in lines),
        recipient=ADA,
        actor=actor,
        reason=reason,
        last=last,
        dispatched_at=at,
    )


def cancelled(*voided: str) -> FulfilmentCancelled:
    return FulfilmentCancelled(
        order_id=ORDER, fulfilment_id=f"ful-{ORDER}", reason="changed mind", voided=voided
    )


def too_late(reason: str) -> CancellationRefused:
    return CancellationRefused(order_id=ORDER, reason=reason)


def refused(
    command: str, state: str, reason: str, *allowed: str, entity: str = FULFILMENT, actor: str = "mia"
) -> CommandRefused:
    return REFUSALS["shipping"].command_refused(
        entity=entity, command=command, state=state, allowed=allowed, reason=reason, actor=actor
    )


DS1, DS2, DS3 = "DS000000014DE", "DS000000028DE", "DS000000031DE"
"""The first numbers of the range. Check digits by hand: 11 - 7 = 4, 11 - 14 mod 11 = 8, 11 - 21 mod 11 = 1."""


def is_sound(number: str) -> bool:
    """True for 13 characters with the right check digit, as one would test a number that was keyed in."""
    serial, digit = number[2:10], number[10:11]
    letters = number[:2] + number[11:]
    if len(number) != 13 or not (serial + digit).isdecimal() or not (letters.isascii() and letters.isalpha()):
        return False
    return check_digit(int(serial)) == int(digit)
