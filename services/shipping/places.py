"""Which entities each event changes and each cause looks at; the first is where an event is at home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.event import Event
from contracts.orders import CancellationRequested, OrderReleased
from contracts.parking import REFUSALS, CommandRefused
from contracts.shipping import (
    CancellationRefused,
    FulfilmentCancelled,
    FulfilmentPlanned,
    LabelBought,
    LabelFailed,
    LabelRequested,
    LabelVoided,
    ParcelDispatched,
    ParcelScanned,
    TrackingRangeGranted,
)
from services.shipping.domain.commands import DispatchFulfilment, GrantRange, RecordScan, RetryLabel
from services.shipping.domain.fulfilment import entity_of
from services.shipping.domain.number_range import range_entity

type FulfilmentFact = (
    FulfilmentPlanned
    | LabelRequested
    | LabelFailed
    | LabelVoided
    | ParcelDispatched
    | FulfilmentCancelled
    | CancellationRefused
    | ParcelScanned
)


def of_fulfilment(
    cause: FulfilmentFact | CancellationRequested | DispatchFulfilment | RetryLabel | RecordScan,
) -> tuple[str, ...]:
    """The order's fulfilment."""
    return (entity_of(cause.order_id),)


def of_range(cause: TrackingRangeGranted | GrantRange) -> tuple[str, ...]:
    """The carrier's own range of numbers."""
    return (range_entity(cause.carrier),)


def of_fulfilment_and_range(carrier: str) -> Callable[[OrderReleased], tuple[str, ...]]:
    """What a released order needs: its fulfilment, and the numbers of the carrier in force."""
    return lambda released: (entity_of(released.order_id), range_entity(carrier))


def _label(bought: LabelBought) -> tuple[str, ...]:
    """A label from our own range also uses up its number."""
    if bought.serial is None:
        return (entity_of(bought.order_id),)
    return (entity_of(bought.order_id), range_entity(bought.carrier))


def _aimed_at(refused: CommandRefused) -> tuple[str, ...]:
    return (refused.entity,)


PLACES: Mapping[type[Event], Callable[[Any], tuple[str, ...]]] = {
    FulfilmentPlanned: of_fulfilment,
    LabelRequested: of_fulfilment,
    LabelBought: _label,
    LabelFailed: of_fulfilment,
    LabelVoided: of_fulfilment,
    ParcelDispatched: of_fulfilment,
    FulfilmentCancelled: of_fulfilment,
    CancellationRefused: of_fulfilment,
    ParcelScanned: of_fulfilment,
    TrackingRangeGranted: of_range,
    REFUSALS["shipping"].command_refused: _aimed_at,
}
