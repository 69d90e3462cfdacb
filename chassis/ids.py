"""The only source of ids that are not derived: for commands that come in without one."""

from __future__ import annotations

import hashlib
import re
from uuid import uuid4

from contracts.envelope import percent_encoded


def command_id() -> str:
    """A new id for a command, `command/<32 hex digits>`; it becomes the causation id of what the command causes."""
    return f"command/{uuid4().hex}"


TRACE_CONTEXT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
"""A `traceparent` of version 00 (W3C Trace Context, 3.2): trace id, parent id, flags."""


def trace_of(correlation: str, traceparent: str = "") -> tuple[str, str]:
    """(trace id, span id of the step before): those that came along, or else a trace of the story's own.

    Derived, so that deciding again gives the same one; the span id is empty where a trace begins.
    """
    if found := TRACE_CONTEXT.fullmatch(traceparent):
        return found[1], found[2]
    return hashlib.sha256(correlation.encode()).hexdigest()[:32], ""


def span_id(service: str, step: str, causation: str) -> str:
    """The span of a step that a service takes because of something: 16 hex digits, derived."""
    return hashlib.blake2b(f"{service}/{step}/{causation}".encode(), digest_size=8).hexdigest()


def event_id(service: str, entity: str, version: int) -> str:
    """The CloudEvents id of a stored event, as it stands in a header: derived, so that publishing it again gives
    the same one.
    """
    return f"{service}/{percent_encoded(entity)}/{version}"
