"""Messages that already speak our schema, and the check that every order passes before it is believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from chassis.first_fault import first_fault
from chassis.quoting import quoted
from chassis.repeated_keys import RepeatedKey, refuse_repeated_keys
from contracts.address import require_short
from contracts.channels import OrderPlaced, ReturnReported
from contracts.placed_order import PlacedOrder
from services.orders.intake.fields import Wrong
from services.orders.intake.reading import Placed, Reading, Returned

ORDER: TypeAdapter[PlacedOrder] = TypeAdapter(PlacedOrder)
PERSONAL = ("customer", "ship_to", "bill_to", "note")
"""Parts of an order whose values never stand in a reason."""


def checked(order: PlacedOrder) -> PlacedOrder:
    """The order as it will be read from the log. Raises `Wrong` for a value the schema does not take."""
    texts_fit(order)
    try:
        return ORDER.validate_json(ORDER.dump_json(order))
    except ValidationError as wrong:
        raise Wrong(reason_of(wrong)) from None
    except PydanticSerializationError:
        raise Wrong("a text of the order cannot be written as UTF-8") from None


def order_placed(channel: str, data: bytes) -> Reading:
    """`channels.OrderPlaced.v1`, on whatever channel."""
    order = _parsed(OrderPlaced.model_validate_json, data).order
    _same_channel("order.channel", order.channel, channel)
    _has_offset("order.placed_at", order.placed_at)
    _has_offset("order.cancelled_at", order.cancelled_at)
    texts_fit(order)
    return Placed(order)


def texts_fit(order: PlacedOrder) -> None:
    """Raises `Wrong` with the text of a person that is too long for us."""
    try:
        for part in PERSONAL:
            require_short(f"order.{part}", getattr(order, part))
    except ValueError as wrong:
        raise Wrong(str(wrong)) from None


def return_reported(channel: str, data: bytes) -> Reading:
    """`channels.ReturnReported.v1`, on whatever channel."""
    report = _parsed(ReturnReported.model_validate_json, data)
    _same_channel("channel", report.channel, channel)
    _has_offset("reported_at", report.reported_at)
    return Returned(report)


def reason_of(wrong: ValidationError) -> str:
    """The first fault: its path, what is wrong, and the value unless it may describe a person."""
    path, says, value = first_fault(wrong)
    reason = f"{path}: {says}" if path else says
    is_quotable = isinstance(value, (str, int, float)) and path and set(PERSONAL).isdisjoint(path.split("."))
    return f"{reason} (got {quoted(value)})" if is_quotable else reason


def _parsed[T](parse: Callable[[bytes], T], data: bytes) -> T:
    try:
        parsed = parse(data)
        refuse_repeated_keys(data)
    except ValidationError as wrong:
        raise Wrong(reason_of(wrong)) from None
    except RepeatedKey as ambiguous:
        raise Wrong(str(ambiguous)) from None
    return parsed


def _same_channel(path: str, named: str, channel: str) -> None:
    if named != channel:
        raise Wrong(f"{path}: {quoted(named)}, but the message came on channel {quoted(channel)}")


def _has_offset(path: str, moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise Wrong(f"{path}: {moment.isoformat()} has no offset from UTC")


CANONICAL: dict[str, Callable[[str, bytes], Reading]] = {
    "order_placed": order_placed,
    "return_reported": return_reported,
}
"""By topic; every channel may send these."""
