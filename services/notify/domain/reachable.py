"""Can this address be written to at all? Asked before a message is queued; where it cannot, it is suppressed.

The address itself is sealed by then as a rule: what it could be used for was noted when it came in.
"""

from __future__ import annotations

from contracts.address import Recipient
from contracts.mail_address import is_mail_address

NO_ADDRESS = "the channel gave no e-mail address"
NOT_AN_ADDRESS = "what the channel gave as e-mail address is none"


def why_unreachable(recipient: Recipient) -> str | None:
    """The reason for not writing, without the address itself; None where a message can be addressed."""
    if not recipient.email.strip():
        return NO_ADDRESS
    told = recipient.mailable
    return None if (is_mail_address(recipient.email) if told is None else told) else NOT_AN_ADDRESS
