"""Which entity each event changes and each cause looks at: always the letters of its order, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.billing import PaymentRefunded
from contracts.event import Event
from contracts.notify import NotificationQueued
from contracts.orders import OrderAccepted
from contracts.shipping import ParcelDispatched
from services.notify.domain.letters import ENDINGS, LetterEvent, letters_of


def of_letters(cause: LetterEvent | OrderAccepted | ParcelDispatched | PaymentRefunded) -> tuple[str, ...]:
    """The letters of the order it is about."""
    return (letters_of(cause.order_id),)


PLACES: Mapping[type[Event], Callable[[Any], tuple[str, ...]]] = dict.fromkeys(
    (NotificationQueued, *ENDINGS), of_letters
)
