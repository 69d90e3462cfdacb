"""The only source of ids that are not derived: for commands that come in without one."""

from __future__ import annotations

import hashlib
from uuid import uuid4

from contracts.envelope import percent_encoded


def command_id() -> str:
    """A new id for a command, `command/<32 hex digits>`; it becomes the causation id of what the command causes."""
    return f"command/{uuid4().hex}"


def traceparent(correlation: str) -> str:
    """A W3C trace context for a story that came without one: derived, so that every service finds the same trace."""
    digest = hashlib.sha256(correlation.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def event_id(service: str, entity: str, version: int) -> str:
    """The CloudEvents id of a stored event, as it stands in a header: derived, so that publishing it again gives
    the same one.
    """
    return f"{service}/{percent_encoded(entity)}/{version}"
