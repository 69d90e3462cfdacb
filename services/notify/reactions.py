"""What notify does on each fact, and on each answer of the mail system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from chassis.declare import Answer, Call, World, key_of
from contracts.billing import PaymentRefunded
from contracts.event import Event
from contracts.notify import (
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSuppressed,
)
from contracts.orders import OrderAccepted
from contracts.shipping import ParcelDispatched
from services.notify.domain.letters import Letters, Rejected, Sent, letters_of
from services.notify.domain.occasions import Occasion, confirmation, hand_over, refund
from services.notify.domain.reachable import why_unreachable
from services.notify.domain.wording import newest_version


def when_order_accepted_then_confirm(accepted: OrderAccepted, world: World) -> Iterable[Event]:
    """The first acceptance is confirmed; an order accepted again after a hold was confirmed before."""
    if accepted.attempt > 1:
        return ()
    return _write_once(confirmation(accepted, world.policies), world)


def when_parcel_dispatched_then_tell(dispatched: ParcelDispatched, world: World) -> Iterable[Event]:
    """One message for each parcel."""
    return _write_once(hand_over(dispatched, world.policies), world)


def when_payment_refunded_then_tell(refunded: PaymentRefunded, world: World) -> Iterable[Event]:
    """One message for each refund."""
    return _write_once(refund(refunded, world.policies), world)


def _write_once(occasion: Occasion, world: World) -> tuple[Event, ...]:
    letters: Letters | None = world.state(letters_of(occasion.order_id))
    if letters and letters.knows(occasion.notification_id):
        return ()
    reason = why_unreachable(occasion.recipient)
    return (_suppressed(occasion, reason) if reason else _queued(occasion),)


def _queued(occasion: Occasion) -> NotificationQueued:
    return NotificationQueued(
        notification_id=occasion.notification_id,
        order_id=occasion.order_id,
        cause=occasion.cause,
        template=occasion.template,
        template_version=newest_version(occasion.template),
        recipient=occasion.recipient,
        facts=dict(occasion.facts),
    )


def _suppressed(occasion: Occasion, reason: str) -> NotificationSuppressed:
    return NotificationSuppressed(
        notification_id=occasion.notification_id,
        order_id=occasion.order_id,
        cause=occasion.cause,
        template=occasion.template,
        reason=reason,
    )


def calls(letters: Letters) -> dict[str, Call]:
    """Every queued letter asks to be sent, under its notification id."""
    return {notification_id: Call("send", letter) for notification_id, letter in letters.queued.items()}


def when_mail_answered(answer: Answer, world: World) -> Iterable[Event]:
    """Sent or refused for good, either ends the notification; a second answer changes nothing."""
    letters: Letters | None = world.state(answer.entity)
    if letters is None or answer.key not in letters.queued:
        return ()
    return (_ended(key_of(answer.entity), answer.key, answer.answer),)


def _ended(order_id: str, notification_id: str, answer: Sent | Rejected) -> Event:
    match answer:
        case Sent(message_id):
            return NotificationSent(notification_id=notification_id, order_id=order_id, message_id=message_id)
        case Rejected(reason):
            return NotificationFailed(notification_id=notification_id, order_id=order_id, reason=reason)
    assert_never(answer)
