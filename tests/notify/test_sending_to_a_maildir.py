"""The maildir: everything a mail system does, and exactly once."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from services.notify.senders.maildir import Maildir
from tests.suites.sender_suite import MailSystem, SenderSuite, message


@pytest.fixture
async def mail(tmp_path: Path) -> MailSystem:
    folder = tmp_path / "mail"
    sender = Maildir(folder)
    await sender.open()
    return MailSystem(sender, lambda: [path.read_bytes() for path in sorted((folder / "new").iterdir())])


class TestMaildir(SenderSuite):
    """The common behaviour."""


async def test_sending_twice_is_the_same_file(mail: MailSystem) -> None:
    """A crash between the file and the event repeats the call; the customer has one message."""
    await mail.sender.send(message())
    first = mail.taken()
    await mail.sender.send(message())
    assert mail.taken() == first


async def test_a_message_that_was_read_still_counts_as_sent(mail: MailSystem, tmp_path: Path) -> None:
    """A mail reader moves it to `cur` and adds flags to its name."""
    await mail.sender.send(message())
    (file,) = (tmp_path / "mail" / "new").iterdir()
    file.rename(tmp_path / "mail" / "cur" / f"{file.name}:2,S")
    assert await mail.sender.was_sent(message().id) is True
    assert await mail.sender.was_sent(message("other").id) is False


async def test_the_maildir_opens_in_other_programs(mail: MailSystem, tmp_path: Path) -> None:
    """The standard library's reader finds the message and nothing half-written."""
    await mail.sender.send(message())
    (found,) = mailbox.Maildir(tmp_path / "mail", create=False)
    assert found["Subject"] == "Your refund of 12.50 EUR for order 1001"
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []


async def test_a_half_written_message_of_a_crash_is_written_anew(mail: MailSystem, tmp_path: Path) -> None:
    """What lies in `tmp` was never sent."""
    name = message().id.partition("@")[0]
    (tmp_path / "mail" / "tmp" / name).write_bytes(b"half a mess" * 1000)
    assert await mail.sender.was_sent(message().id) is False
    await mail.sender.send(message())
    assert mail.taken() == [message().content().replace(b"\r\n", b"\n")]


async def test_a_disk_that_does_not_take_it_is_no_answer(mail: MailSystem, tmp_path: Path) -> None:
    """It is tried again once the folder is back; nothing is called sent before."""
    (tmp_path / "mail" / "tmp").rmdir()
    with pytest.raises(FileNotFoundError):
        await mail.sender.send(message())
    await mail.sender.open()
    await mail.sender.send(message())
    assert len(mail.taken()) == 1
