"""What every mail system must do for notify. Run by a subclass that says how it is started and read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from services.notify.domain.letters import Letter, Sent
from services.notify.mime import Mailbox, compose, message_id
from services.notify.rendering import render
from services.notify.senders.sender import Message, Sender

SHOP = Mailbox("Lampen Lindgren", "orders@shop.example")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FACTS = {"shop": "Lampen Lindgren", "order": "1001", "amount": "12.50 EUR"}


@dataclass
class MailSystem:
    """A sender that is open, and what its mail system has taken so far."""

    sender: Sender
    taken: Callable[[], list[bytes]]

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.taken()]  # type: ignore[misc]


def message(part: str = "r1", to: str = "ada@example.com") -> Message:
    """A refund notice, as the courier makes it."""
    known = message_id(f"shopify:1001:refund_made:{part}", "shop.example")
    letter = Letter("refund_made", 1, "en", "Åda", to, FACTS)
    return Message(known, to, lambda: compose(known, SHOP, Mailbox(letter.name, to), render(letter), NOON))


def unwritable(part: str) -> Message:
    """A message whose wording lacks a fact."""

    def content() -> bytes:
        raise ValueError("a fact is missing")

    return Message(message_id(part, "shop.example"), "ada@example.com", content)


class SenderSuite:
    """Subclasses give the fixture `mail`."""

    async def test_a_message_arrives_whole(self, mail: MailSystem) -> None:
        """What was handed over parses, with a text and an HTML part, under the id it was given."""
        assert await mail.sender.send(message()) == Sent(f"<{message().id}>")
        (arrived,) = mail.messages()
        assert arrived["Message-ID"] == f"<{message().id}>"
        assert arrived["To"] == "Åda <ada@example.com>"
        assert [part.get_content_type() for part in arrived.iter_parts()] == ["text/plain", "text/html"]
        text = arrived.get_body(("plain",))
        assert text is not None
        assert "We have given back 12.50 EUR" in text.get_content()
        assert arrived.defects == []

    async def test_each_of_many_at_once_arrives_once(self, mail: MailSystem) -> None:
        """Sends run side by side; none is lost and none is doubled."""
        parts = [f"r{n}" for n in range(60)]
        await asyncio.gather(*(mail.sender.send(message(part)) for part in parts))
        assert sorted(str(m["Message-ID"]) for m in mail.messages()) == sorted(
            f"<{message(part).id}>" for part in parts
        )

    async def test_one_that_cannot_be_written_does_not_stop_the_others(self, mail: MailSystem) -> None:
        """The error reaches the one that waits for that message, and nobody else."""
        outcomes = await asyncio.gather(
            mail.sender.send(message("a")),
            mail.sender.send(unwritable("b")),
            mail.sender.send(message("c")),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [Sent, ValueError, Sent]
        assert len(mail.taken()) == 2

    async def test_it_never_claims_what_it_does_not_know(self, mail: MailSystem) -> None:
        """Asked for a message: right, or "cannot tell"; a wrong yes would lose it, a wrong no double it."""
        assert await mail.sender.was_sent(message().id) in (False, None)
        await mail.sender.send(message())
        assert await mail.sender.was_sent(message().id) in (True, None)

    async def test_after_closing_and_opening_it_goes_on(self, mail: MailSystem) -> None:
        """A restart of the service is nothing special."""
        await mail.sender.send(message("a"))
        await mail.sender.close()
        await mail.sender.open()
        await mail.sender.send(message("b"))
        assert len(mail.taken()) == 2

    async def test_a_caller_that_gives_up_leaves_the_sender_working(self, mail: MailSystem) -> None:
        """A cancelled send may or may not have gone out; the next one does."""
        given_up = asyncio.create_task(mail.sender.send(message("a")))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert isinstance(await mail.sender.send(message("b")), Sent)
        await mail.sender.close()
        assert f"<{message('b').id}>" in [m["Message-ID"] for m in mail.messages()]
