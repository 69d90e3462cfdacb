"""What was, or is to be, written to the customer of one order: the state of `letters/<order id>`.

A queued letter carries what its message is made of. Once it ended, only its id and how it ended are kept:
that is enough to never write it again, and holds no personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.event import Event
from contracts.frozen import replace
from contracts.notify import (
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSuppressed,
)


class Ending(StrEnum):
    """How a notification ended. There is no way back out of any of them."""

    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is due. `name` may be empty; `facts` are the values its wording needs, as text."""

    template: str
    version: int
    locale: str
    name: str
    email: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Letters:
    """Every notification of one order, by notification id: in `queued` or in `ended`, never in both."""

    queued: dict[str, Letter] = field(default_factory=dict)
    ended: dict[str, Ending] = field(default_factory=dict)

    def knows(self, notification_id: str) -> bool:
        """True when this was decided before: it is never decided again."""
        return notification_id in self.queued or notification_id in self.ended

    def with_queued(self, notification_id: str, letter: Letter) -> Letters:
        """With one more letter to send."""
        return replace(self, queued={**self.queued, notification_id: letter})

    def with_ended(self, notification_id: str, ending: Ending) -> Letters:
        """With this one ended; what it was made of is forgotten."""
        queued = {key: letter for key, letter in self.queued.items() if key != notification_id}
        return Letters(queued, {**self.ended, notification_id: ending})


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail system has the message, under this Message-ID."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The mail system will never take this message, and said why."""

    reason: str


ENDINGS: Mapping[type[Event], Ending] = {
    NotificationSent: Ending.SENT,
    NotificationFailed: Ending.FAILED,
    NotificationSuppressed: Ending.SUPPRESSED,
}
"""Which event ends a notification, and how."""

type LetterEvent = NotificationQueued | NotificationSent | NotificationFailed | NotificationSuppressed


def evolve(before: Letters | None, event: LetterEvent, entity: str) -> Letters:
    """The order's letters after this event."""
    letters = before or Letters()
    if isinstance(event, NotificationQueued):
        return letters.with_queued(event.notification_id, letter_of(event))
    return letters.with_ended(event.notification_id, ENDINGS[type(event)])


def letter_of(queued: NotificationQueued) -> Letter:
    """The letter an event asks for; the same now and in ten years."""
    to = queued.recipient
    return Letter(queued.template, queued.template_version, to.locale, to.name, to.email, queued.facts)


def letters_of(order_id: str) -> str:
    """The entity that holds an order's letters."""
    return f"letters/{order_id}"


def tags(letters: Letters) -> tuple[str, ...]:
    """`state=failed` and `state=suppressed`: the customers that were not reached."""
    unreached = {ending for ending in letters.ended.values() if ending is not Ending.SENT}
    return tuple(sorted(f"state={ending}" for ending in unreached))
