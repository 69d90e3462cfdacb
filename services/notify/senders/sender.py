"""What notify needs of a mail system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.notify.domain.letters import Rejected, Sent


@dataclass(frozen=True, slots=True)
class Message:
    """A message to hand over.

    `id` is its Message-ID without brackets, always the same for the same notification: the idempotency key.
    `to` is the bare envelope address. `content()` renders the RFC 5322 bytes (CRLF, 7-bit); it is work for a
    thread, not for the loop.
    """

    id: str
    to: str
    content: Callable[[], bytes]


class Sender(Protocol):
    """Hands messages over, and remembers them as well as its mail system allows."""

    async def open(self) -> None:
        """Get ready. Raises where the mail system cannot be used at all."""

    async def send(self, message: Message) -> Sent | Rejected:
        """Hand it over. `Sent` only when the mail system is answerable for it; anything unclear raises."""

    async def was_sent(self, message_id: str) -> bool | None:
        """Whether this message was handed over before; None where the mail system cannot be asked."""

    async def close(self) -> None:
        """Let go of what is open. Messages under way are finished first."""
