"""The envelope of a message: CloudEvents 1.0 attributes as NATS headers (binary content mode).

A value is written in printable ASCII; anything else in it is percent-encoded, as the CloudEvents bindings for
HTTP and NATS have it (3.1.3.2). Control characters are refused both ways: no value can add a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
CONTINUES, YES = "ce-continues", "1"

ATTRIBUTES: Mapping[str, str] = {
    "ce-specversion": "the version of CloudEvents, always 1.0",
    "ce-id": "the event's id, derived from service, entity and version: never another one for the same event",
    "ce-type": "the stable name of type and version, `orders.OrderAccepted.v1`",
    "ce-source": "who says it",
    "ce-subject": "the entity it is about",
    "ce-time": "when it was recorded, UTC, RFC 3339",
    "datacontenttype": "always application/json",
    "ce-sequence": "its position in the producer's store",
    "ce-previous": "the position of the event before it; a reader of the whole stream sees a gap",
    "ce-correlationid": "the story it belongs to",
    "ce-causationid": "the message that caused it",
    "traceparent": "W3C trace context",
    "ce-continues": "1 where the event after it in the producer's store is of the same decision, else left out",
}
"""Every header of a message, with its meaning."""

_PLAIN = re.compile(r"[!#$&-~]*")
"""What needs no percent-encoding: printable ASCII without space, double quote and percent."""
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class NotAnEnvelope(ValueError):
    """The headers are not those of an event; the message names the header and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is known of an event without reading it: who says what about which entity, when, and why.

    `sequence` counts from 1, `previous` from 0; `time` is UTC. `correlation_id`, `causation_id` and
    `traceparent` are empty where nothing is known. One that `continues` is not the last of its decision.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    sequence: int
    previous: int
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    continues: bool = False

    def to_headers(self) -> dict[str, str]:
        """The headers. Raises `NotAnEnvelope` for control characters in a value and a time without a zone."""
        headers = {
            "ce-specversion": SPEC_VERSION,
            "ce-id": header_value("ce-id", self.id),
            "ce-type": header_value("ce-type", self.type),
            "ce-source": header_value("ce-source", self.source),
            "ce-subject": header_value("ce-subject", self.subject),
            "ce-time": _time_text(self.time),
            "datacontenttype": CONTENT_TYPE,
            "ce-sequence": str(self.sequence),
            "ce-previous": str(self.previous),
        }
        for name, value in (
            ("ce-correlationid", self.correlation_id),
            ("ce-causationid", self.causation_id),
            ("traceparent", self.traceparent),
            (CONTINUES, YES if self.continues else ""),
        ):
            if value:
                headers[name] = header_value(name, value)
        return headers

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Envelope:
        """The envelope of a message. Raises `NotAnEnvelope` naming the header that is missing or wrong."""
        version = _required(headers, "ce-specversion")
        if version != SPEC_VERSION:
            raise NotAnEnvelope(f"ce-specversion is {version!r}, not {SPEC_VERSION}")
        return cls(
            id=_text(headers, "ce-id"),
            type=_text(headers, "ce-type"),
            source=_text(headers, "ce-source"),
            subject=_text(headers, "ce-subject"),
            time=_time(headers, "ce-time"),
            sequence=_number(headers, "ce-sequence"),
            previous=_number(headers, "ce-previous"),
            correlation_id=_optional(headers, "ce-correlationid"),
            causation_id=_optional(headers, "ce-causationid"),
            traceparent=_optional(headers, "traceparent"),
            continues=_optional(headers, CONTINUES) == YES,
        )


def header_value(name: str, value: str) -> str:
    """The value as it may stand in a header: percent-encoded where needed. Refuses control characters."""
    return percent_encoded(value if _PLAIN.fullmatch(value) else _without_control(name, value))


def percent_encoded(value: str) -> str:
    """The value in printable ASCII, as CloudEvents has it in headers; most values are that already."""
    return value if _PLAIN.fullmatch(value) else quote(value, safe=_SAFE)


def _without_control(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise NotAnEnvelope(f"{name} has a control character: {value!r}")
    return value


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise NotAnEnvelope(f"{name} is missing")
    return value


def _text(headers: Mapping[str, str], name: str) -> str:
    value = _required(headers, name)
    return value if _PLAIN.fullmatch(value) else _without_control(name, unquote(value))


def _optional(headers: Mapping[str, str], name: str) -> str:
    return _text(headers, name) if headers.get(name) else ""


def _number(headers: Mapping[str, str], name: str) -> int:
    value = _required(headers, name)
    if not (value.isascii() and value.isdecimal()):
        raise NotAnEnvelope(f"{name} is {value!r}, not a position")
    return int(value)


def _time(headers: Mapping[str, str], name: str) -> datetime:
    value = _required(headers, name)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise NotAnEnvelope(f"{name} is {value!r}, not a time") from None
    if time.tzinfo is None:
        raise NotAnEnvelope(f"{name} is {value!r}, without a zone")
    return time.astimezone(UTC)


def _time_text(time: datetime) -> str:
    if time.tzinfo is None:
        raise NotAnEnvelope(f"ce-time is {time}, without a zone")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
