"""Standard Webhooks (standardwebhooks.com, spec 1.0): the signature covers the message's id and time beside its body.

So a message that was listened to cannot be sent again later: what is older or newer than the window is refused, and
within it the signed id is the same, so that it counts once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

from multidict import MultiMapping

WINDOW_SECONDS = 300
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_PREFIX, VERSION = "whsec_", "v1,"
MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,128}")
"""No dot: it divides the signed parts."""
SECONDS = re.compile(r"[1-9][0-9]{0,11}")
SIGNATURES_MAX = 8


def verify_standard(secrets: Iterable[str], body: bytes, headers: MultiMapping[str], now: datetime) -> bool:
    """True when id, time and signature are given once each, the time is in the window, and a secret signed them all."""
    given = [headers.getall(name, []) for name in (ID, TIMESTAMP, SIGNATURE)]
    if not body or any(len(values) != 1 for values in given):
        return False
    message_id, timestamp, signatures = (values[0] for values in given)
    if not MESSAGE_ID.fullmatch(message_id) or not SECONDS.fullmatch(timestamp):
        return False
    if abs(now.timestamp() - int(timestamp)) > WINDOW_SECONDS:
        return False
    claimed = [each.encode("utf-8", "surrogateescape") for each in signatures.split(" ")[:SIGNATURES_MAX]]
    expected = [standard_signature(secret, message_id, timestamp, body) for secret in secrets if secret]
    matches = [hmac.compare_digest(one, other) for one in expected for other in claimed]
    return any(matches)


def standard_signature(secret: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    """What the header must hold for this message."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return VERSION.encode() + base64.b64encode(digest)


def key_of(secret: str) -> bytes:
    """The key's bytes: base64 as the standard has it, or the text itself where it is none (our drawn secrets)."""
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()
