"""Takes a letter to the mail system: the effect `send` of the declaration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from chassis.keys.ring import AS_IT_IS, Opens
from chassis.quotations import quoting_nobody, without_personal
from contracts.address import Recipient
from contracts.frozen import replace
from contracts.personal import ERASED
from services.notify.domain.letters import Letter, Rejected, Sent
from services.notify.mime import Mailbox, compose, envelope_address, message_id
from services.notify.rendering import render
from services.notify.senders.sender import Message, Sender

FORGOTTEN = "the customer was forgotten: nobody can read the address any more"


async def opened(letter: Letter, opens: Opens) -> Letter:
    """The letter with the name and the address of its recipient readable."""
    recipient = await opens.open(Recipient(name=letter.name, email=letter.email))
    return replace(letter, name=recipient.name, email=recipient.email)


def utc_now() -> datetime:
    """The time for the Date header: when the message is handed over (RFC 5322, 3.6.1)."""
    return datetime.now(UTC)


class Courier:
    """Sends letters as `sender`, through a mail system that may or may not remember them.

    A letter is sealed until here; `opens` reads whom it is for.
    """

    def __init__(
        self, sender: Mailbox, mail: Sender, now: Callable[[], datetime] = utc_now, opens: Opens = AS_IT_IS
    ) -> None:
        self.mail = mail
        self._sender = sender
        self._domain = sender.address.rpartition("@")[2]
        self._now = now
        self._opens = opens

    async def send(self, notification_id: str, letter: Letter) -> Sent | Rejected:
        """Render it and hand it over; raises where the answer is unclear. Nobody writes to who was forgotten."""
        readable = await opened(letter, self._opens)
        if readable.email == ERASED:
            return Rejected(FORGOTTEN)
        recipient, ours = Recipient(name=readable.name, email=readable.email), (self._sender.address,)
        with quoting_nobody(recipient, keep=ours):
            answer = await self.mail.send(self.message(notification_id, readable))
        if isinstance(answer, Rejected):
            return Rejected(without_personal(answer.reason, recipient, keep=ours))
        return answer

    async def was_sent(self, notification_id: str, letter: Letter) -> Sent | None:
        """`Sent` where the mail system has it already; None where it has not, or cannot tell."""
        known = message_id(notification_id, self._domain)
        return Sent(f"<{known}>") if await self.mail.was_sent(known) else None

    def message(self, notification_id: str, letter: Letter) -> Message:
        """The letter as a message, not rendered yet."""
        known = message_id(notification_id, self._domain)
        to = Mailbox(letter.name, letter.email)

        def content() -> bytes:
            return compose(known, self._sender, to, render(letter), self._now())

        return Message(known, envelope_address(letter.email), content)
