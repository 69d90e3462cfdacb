"""Stopping a fulfilment, as long as nothing of it has left the house."""

from __future__ import annotations

from contracts.event import Event
from contracts.orders import CancellationRequested
from contracts.shipping import CancellationRefused, FulfilmentCancelled
from services.shipping.domain.evolving import after
from services.shipping.domain.fulfilment import Fulfilment, ParcelState
from services.shipping.domain.labelling import voided


def cancel(asked: CancellationRequested, fulfilment: Fulfilment | None) -> list[Event]:
    """Cancelled, or refused with the reason: every question of the orders service gets an answer, and only
    one cancellation. Labels of our own range are void at once; the carrier's are given back by a call that
    follows.
    """
    if fulfilment is None or not fulfilment.planned:
        return [_refused(asked, "the warehouse knows no fulfilment of this order")]
    if fulfilment.cancelled:
        return []
    gone = fulfilment.in_state(ParcelState.DISPATCHED)
    if gone:
        return [_refused(asked, f"parcel {gone[0].parcel_id} was handed over to {gone[0].carrier}")]
    labelled = fulfilment.in_state(ParcelState.LABELLED)
    cancelled = FulfilmentCancelled(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.fulfilment_id,
        reason=asked.reason,
        voided=tuple(parcel.tracking_number for parcel in labelled),
    )
    stopped = after(fulfilment, [cancelled])
    return [cancelled, *(voided(stopped, parcel) for parcel in labelled if parcel.own_range)]


def _refused(asked: CancellationRequested, reason: str) -> CancellationRefused:
    return CancellationRefused(order_id=asked.order_id, reason=reason)
