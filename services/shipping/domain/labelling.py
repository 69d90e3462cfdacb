"""Labels: from our own range in the same breath, from any other carrier by a call that is answered later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.event import Event
from contracts.shipping import LabelBought, LabelFailed, LabelRequested, LabelVoided
from services.shipping.domain.answers import Label, Refused, Voided
from services.shipping.domain.commands import RetryLabel
from services.shipping.domain.evolving import after
from services.shipping.domain.fulfilment import Fulfilment, FulfilmentState, Parcel, ParcelState
from services.shipping.domain.hand_over import autopilot
from services.shipping.domain.number_range import NumberRange
from services.shipping.domain.policies import ShippingPolicies
from services.shipping.domain.refusing import refuse

AWAITING_LABEL = (ParcelState.LABEL_REQUESTED, ParcelState.STOPPING)
REASON_MAX = 500


def request_labels(fulfilment: Fulfilment, parcels: Iterable[Parcel]) -> list[Event]:
    """Have the carrier asked, once per parcel: the pending calls follow from the parcels' states."""
    return [
        LabelRequested(
            order_id=fulfilment.order_id,
            fulfilment_id=fulfilment.fulfilment_id,
            parcel_id=parcel.parcel_id,
            carrier=parcel.carrier,
            reference=parcel.next_reference,
        )
        for parcel in parcels
    ]


def labels_from_range(
    fulfilment: Fulfilment,
    parcels: Iterable[Parcel],
    numbers: NumberRange,
    policies: ShippingPolicies,
    now: datetime,
) -> list[Event]:
    """The next numbers of the range for these parcels; a failure with its reason for each that finds none."""
    events: list[Event] = []
    for parcel in parcels:
        if numbers.exhausted:
            events.append(
                _failed(fulfilment, parcel, f"no number left in the range of {numbers.carrier}", True)
            )
            continue
        events.append(_numbered(fulfilment, parcel, numbers, policies, now))
        numbers = numbers.after_use()
    return events


def _numbered(
    fulfilment: Fulfilment, parcel: Parcel, numbers: NumberRange, policies: ShippingPolicies, now: datetime
) -> LabelBought:
    """A label with the next number of the range."""
    number = numbers.number()
    return LabelBought(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.fulfilment_id,
        parcel_id=parcel.parcel_id,
        carrier=numbers.carrier,
        reference=parcel.reference or parcel.next_reference,
        tracking_number=number,
        tracking_url=policies.tracking_url_of(number),
        serial=numbers.next,
        hand_over_at=policies.hand_over_at(now),
    )


def label_answered(
    fulfilment: Fulfilment, reference: str, answer: Label | Refused, policies: ShippingPolicies, now: datetime
) -> list[Event]:
    """What a carrier's answer means. An answer that nobody waits for any more changes nothing."""
    parcel = _asked_under(fulfilment, reference, AWAITING_LABEL)
    if parcel is None:
        return []
    if isinstance(answer, Refused):
        return [_failed(fulfilment, parcel, answer.reason)]
    bought = LabelBought(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.fulfilment_id,
        parcel_id=parcel.parcel_id,
        carrier=parcel.carrier,
        reference=reference,
        tracking_number=answer.tracking_number,
        tracking_url=answer.tracking_url or policies.tracking_url_of(answer.tracking_number),
        cost_minor=answer.cost_minor,
        currency=answer.currency,
        hand_over_at=None if fulfilment.cancelled else policies.hand_over_at(now),
    )
    return [bought, *autopilot(after(fulfilment, [bought]), policies, now)]


def void_answered(fulfilment: Fulfilment, reference: str, answer: Voided | Refused) -> list[Event]:
    """The label of a cancelled parcel is given back, or stays ours to claim, with the carrier's reason."""
    parcel = _asked_under(fulfilment, reference, (ParcelState.VOIDING,))
    if parcel is None:
        return []
    reason = answer.reason[:REASON_MAX] if isinstance(answer, Refused) else ""
    return [voided(fulfilment, parcel, reason)]


def voided(fulfilment: Fulfilment, parcel: Parcel, refusal: str = "") -> LabelVoided:
    """The fact that a label is void, or that the carrier would not take it back."""
    return LabelVoided(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.fulfilment_id,
        parcel_id=parcel.parcel_id,
        carrier=parcel.carrier,
        reference=parcel.reference,
        tracking_number=parcel.tracking_number,
        accepted=not refusal,
        reason=refusal,
    )


def retry_labels(command: RetryLabel, fulfilment: Fulfilment, policies: ShippingPolicies) -> list[Event]:
    """New requests under new references for the labels that failed; a repeated command finds none and does nothing."""
    if command.carrier and command.carrier not in policies.carriers:
        return [refuse(command, fulfilment, f"no carrier {command.carrier!r} is configured")]
    chosen = [p for p in fulfilment.parcels if not command.parcels or p.parcel_id in command.parcels]
    failed = [parcel for parcel in chosen if parcel.state is ParcelState.LABEL_FAILED]
    if failed:
        return [_asked_again(command, fulfilment, parcel) for parcel in failed]
    on_its_way = any(parcel.state is ParcelState.LABEL_REQUESTED for parcel in chosen)
    if on_its_way and fulfilment.state is not FulfilmentState.CANCELLED:
        return []
    return [refuse(command, fulfilment, "no label of these parcels has failed")]


def _asked_again(command: RetryLabel, fulfilment: Fulfilment, parcel: Parcel) -> LabelRequested:
    return LabelRequested(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.fulfilment_id,
        parcel_id=parcel.parcel_id,
        carrier=command.carrier or parcel.carrier,
        reference=parcel.next_reference,
        ship_to=command.ship_to,
        actor=command.actor,
        reason=command.reason,
    )


def _asked_under(fulfilment: Fulfilment, reference: str, states: tuple[ParcelState, ...]) -> Parcel | None:
    return next((parcel for parcel in fulfilment.in_state(*states) if parcel.reference == reference), None)


def _failed(
    fulfilment: Fulfilment, parcel: Parcel, reason: str, range_exhausted: bool = False
) -> LabelFailed:
    return LabelFailed(
        order_id=fulfilment.order_id,
        fulfilment_id=fulfilment.fulfilment_id,
        parcel_id=parcel.parcel_id,
        carrier=parcel.carrier,
        reason=reason[:REASON_MAX],
        range_exhausted=range_exhausted,
    )
