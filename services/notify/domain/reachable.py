"""Can this address be written to at all? Asked before a message is queued; where it cannot, it is suppressed.

Deliberately shallow: only the receiving server knows whether a mailbox exists (RFC 5321, 3.3). What is
refused here can never be put on an envelope.
"""

from __future__ import annotations

import re

from contracts.address import Recipient

NO_ADDRESS = "the channel gave no e-mail address"
NOT_AN_ADDRESS = "what the channel gave as e-mail address is none"
LENGTH_MAX = 254
"""Characters of an address that fit into a path (RFC 5321, 4.5.3.1.3)."""

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?P<domain>[^@]+)")
_ASCII_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def why_unreachable(recipient: Recipient) -> str | None:
    """The reason for not writing, without the address itself; None where a message can be addressed."""
    if not recipient.email.strip():
        return NO_ADDRESS
    return None if _is_address(recipient.email) else NOT_AN_ADDRESS


def _is_address(email: str) -> bool:
    match = _ADDRESS.fullmatch(email)
    return match is not None and len(email) <= LENGTH_MAX and _is_domain(match["domain"])


def _is_domain(domain: str) -> bool:
    """A name that can be looked up: two labels at least, in any script that has an ASCII form."""
    try:
        labels = (domain if domain.isascii() else domain.encode("idna").decode()).split(".")
    except UnicodeError:
        return False
    return len(labels) > 1 and all(_ASCII_LABEL.fullmatch(label) for label in labels)
