"""From subject, text and HTML to the bytes of a message (RFC 5322, RFC 2046): CRLF, 7-bit, always the same.

Written out by hand because there is one shape of message, and the standard library's generator costs ten
times as much. Nothing that comes from outside reaches a header without `one_line`.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr

HEADER_LINE_MAX = 78
"""Characters of a header line that every mail program takes unfolded (RFC 5322, 2.1.1)."""

NAME_MAX = 120
"""Characters of a name that go into a header; the message itself has all of them."""

_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name, possibly empty, and a bare address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the recipient reads, twice: as text and as HTML."""

    subject: str
    text: str
    html: str


def one_line(text: str) -> str:
    """The text without control characters or line breaks: nobody's name can add a header."""
    return _CONTROL.sub(" ", text).strip()


def message_id(notification_id: str, domain: str) -> str:
    """`<readable part>.<digest>@<domain>`, without brackets: the same for the same notification, for ever.

    The first part is at most 128 characters of a dot-atom (RFC 5322, 3.2.3), so it is a file name too.
    """
    digest = hashlib.sha256(notification_id.encode()).hexdigest()[:32]
    readable = _NOT_IN_ID.sub("-", notification_id)[:90].strip("-") or "message"
    return f"{readable}.{digest}@{domain}"


def envelope_address(address: str) -> str:
    """The address as it goes on the wire: a domain in another script in its ASCII form (RFC 5891)."""
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def compose(message_id: str, sender: Mailbox, to: Mailbox, content: Content, at: datetime) -> bytes:
    """The whole message. Raises `UnicodeError` for an address that `why_unreachable` would have refused."""
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:24]
    head = "\r\n".join(
        (
            f"Message-ID: <{message_id}>",
            f"Date: {format_datetime(at)}",
            f"From: {_written(sender)}",
            f"To: {_written(to)}",
            f"Subject: {_subject(one_line(content.subject))}",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/alternative; boundary="{boundary}"',
        )
    )
    parts = _part("plain", content.text, boundary) + _part("html", content.html, boundary)
    return head.encode("ascii") + b"\r\n" + parts + f"\r\n--{boundary}--\r\n".encode()


def _written(mailbox: Mailbox) -> str:
    name, address = one_line(mailbox.name)[:NAME_MAX], envelope_address(mailbox.address)
    if _is_plain(name):
        return formataddr((name, address))
    return f"{_words(name)}\r\n <{address}>"


def _subject(text: str) -> str:
    fits = len(text) <= HEADER_LINE_MAX - len("Subject: ")
    return text if fits and _is_plain(text) else _words(text)


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _words(text: str) -> str:
    """Encoded words (RFC 2047), folded; the first line leaves room for the header's name."""
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _part(subtype: str, text: str, boundary: str) -> bytes:
    body = binascii.b2a_qp("\r\n".join(text.splitlines()).encode() + b"\r\n")
    head = (
        f"\r\n--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode() + body
