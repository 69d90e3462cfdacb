"""Notifications as people look at them, folded from the history of `letters/<order id>`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chassis.http import Recorded
from contracts.event import Event
from contracts.notify import (
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSuppressed,
)
from services.notify.domain.letters import ENDINGS, letter_of
from services.notify.rendering import render

DECISIONS = (NotificationQueued, NotificationSuppressed)
"""What a notification starts with."""
TOLD = (*DECISIONS, NotificationSent, NotificationFailed)


def notifications(history: Iterable[Recorded]) -> list[dict[str, Any]]:
    """One row per notification, in the order they were decided; `history` is oldest first.

    Keys: notification_id, order_id, template, cause, state, decided_at; where known recipient, reason,
    message_id and ended_at.
    """
    rows: dict[str, dict[str, Any]] = {}
    for recorded in history:
        if notification_id := notification_of(recorded):
            row = rows.setdefault(notification_id, {"decided_at": recorded.time.isoformat()})
            row.update(_told_by(recorded.event, recorded.time))
    return list(rows.values())


def notification_of(recorded: Recorded) -> str:
    """The notification that an event is about; empty for an event that is about none."""
    return recorded.event.notification_id if isinstance(recorded.event, TOLD) else ""


def _told_by(event: Event, time: datetime) -> dict[str, Any]:
    """What one event adds to its row."""
    told = event.model_dump(mode="json", exclude={"facts"})
    if isinstance(event, NotificationQueued):
        return {**told, "state": "queued"}
    return {**told, "state": str(ENDINGS[type(event)]), "ended_at": time.isoformat()}


def preview(history: Iterable[Recorded], notification_id: str) -> dict[str, str] | None:
    """`subject`, `text` and `html` as the recipient has them; None where nothing was ever to be sent."""
    for recorded in history:
        event = recorded.event
        if isinstance(event, NotificationQueued) and event.notification_id == notification_id:
            return asdict(render(letter_of(event)))
    return None
