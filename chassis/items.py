"""What a service takes in: messages, commands, due timers, answers of calls, what a person says of a parked message.

Each becomes one decision of the reactor; a batch is a list of them, in the order in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chassis.declare import Answer, Message
from contracts.catalogue import STREAMS

RAW_STREAM = STREAMS["channels"]
"""The stream whose payloads are the channels' own bodies, not our events."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a source stream, at the producer's sequence `position`."""

    message: Message
    position: int


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """A message on a service's stream without a producer's sequence that can be: not from that service."""

    message: Message


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, with the id that its events name as their cause."""

    command: Any
    id: str


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that came due."""

    entity: str
    name: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A call's answer; `lost` when none came."""

    kind: str
    answer: Answer
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """A parked message that a person has tried again."""

    parked: str
    message: Message
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Discarded:
    """A parked message that a person lets go."""

    parked: str
    actor: str
    reason: str


type Item = Incoming | Unnumbered | Asked | Due | Answered | Retried | Discarded
