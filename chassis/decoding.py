"""Reading our own events back: typed, without repeating the checks that were made when they were written.

What comes in from outside is validated by pydantic at the border, once. An event on a stream or in a store has been
through that: here msgspec reads it, which still refuses anything of the wrong type, at a third of the cost. The result
is the same frozen model; tests/chassis/test_decoding.py holds the two against each other on every golden message.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NotRequired, TypedDict

import msgspec

from chassis.repeated_keys import RepeatedKey, refuse_repeated_keys
from contracts.catalogue import BY_TYPE, UnknownEvent
from contracts.event import Event
from contracts.upcasters import newest


class UnreadableEvent(Exception):
    """The payload is not what its type promises; the message says where."""


def decode(event_type: str, data: bytes) -> Event:
    """The event, in its newest version. Raises `UnknownEvent`, or `UnreadableEvent` for a wrong shape."""
    try:
        return _reader(event_type)(data)
    except (msgspec.DecodeError, ValueError) as wrong:
        raise UnreadableEvent(f"{event_type}: {wrong}") from wrong


def decode_received(event_type: str, data: bytes) -> Event:
    """`decode` for what came over the bus; a key that stands twice is refused, too, as `UnreadableEvent`."""
    event = decode(event_type, data)
    try:
        refuse_repeated_keys(data)
    except RepeatedKey as ambiguous:
        raise UnreadableEvent(f"{event_type}: {ambiguous}") from ambiguous
    return event


@cache
def _reader(event_type: str) -> Callable[[bytes], Event]:
    entry = BY_TYPE.get(event_type)
    if entry is None:
        raise UnknownEvent(f"no model for {event_type!r}")
    read = _typed_reader(entry.model)
    return lambda data: newest(read(data))


def _typed_reader(model: type[Event]) -> Callable[[bytes], Event]:
    """A reader that fills the model from a typed dictionary; pydantic's own where msgspec cannot hold a field."""
    fields = model.model_fields
    if any(_is_model(field.annotation) for field in fields.values()):
        return model.model_validate_json
    keys = {
        name: f.annotation if f.is_required() else NotRequired[f.annotation] for name, f in fields.items()
    }
    shape = TypedDict(model.__name__, keys)  # type: ignore[misc]  # its keys are known at run time only
    decoder: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(shape)
    blank = {
        name: None if f.is_required() else f.get_default(call_default_factory=True)
        for name, f in fields.items()
    }
    return _filled(model, decoder.decode, blank)


def _filled(
    model: type[Event], read: Callable[[bytes], dict[str, Any]], blank: dict[str, Any]
) -> Callable[[bytes], Event]:
    """What `model_construct` does: the values over the defaults, in the model's own order."""
    create, put = model.__new__, object.__setattr__

    def event(data: bytes) -> Event:
        values = read(data)
        made = create(model)
        put(made, "__dict__", blank | values)
        put(made, "__pydantic_fields_set__", set(values))
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        return made

    return event


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Event)
