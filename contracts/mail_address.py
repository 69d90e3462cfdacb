"""Whether a text can be an e-mail address at all, and whether two are the same one.

Deliberately shallow: only the receiving server knows whether a mailbox exists (RFC 5321, 3.3). What is refused here can
never be put on an envelope.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

LENGTH_MAX = 254
"""Characters of an address that fit into a path (RFC 5321, 4.5.3.1.3)."""

_WRAPPED = re.compile(r"(?:[^<>]*<)?(?:mailto:)?([^<>]*?)\.?>?")
"""As people and links write it: with a name before it, in angle brackets, with the name of the protocol, as a domain's
full name."""
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?P<domain>[^@]+)")
_ASCII_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def is_mail_address(text: str) -> bool:
    """A local part and a domain that can be looked up."""
    match = _ADDRESS.fullmatch(text)
    return match is not None and len(text) <= LENGTH_MAX and _is_domain(match["domain"])


def one_address(text: str) -> str:
    """An address as its customer is known by, however it is written: alone, in small letters, composed (Unicode NFC),
    its domain as it goes on the wire (RFC 5891), as a mail's header has it; what is no domain of any script stays.
    """
    written = unicodedata.normalize("NFC", text.strip()).lower()
    wrapped = _WRAPPED.fullmatch(written)
    mailbox, at, domain = (wrapped[1].strip() if wrapped else written).rpartition("@")
    if at and not domain.isascii():
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode()
    return f"{mailbox}{at}{domain}"


def _is_domain(domain: str) -> bool:
    """A name that can be looked up: two labels at least, in any script that has an ASCII form."""
    try:
        labels = (domain if domain.isascii() else domain.encode("idna").decode()).split(".")
    except UnicodeError:
        return False
    return len(labels) > 1 and all(_ASCII_LABEL.fullmatch(label) for label in labels)
