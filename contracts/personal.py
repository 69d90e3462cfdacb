"""Walks over the personal data of a value: every field that is typed `Personal[...]`, however deep it stands.

Which fields those are is read off the types once per class, so that a field added tomorrow is found without a word
here. Parts that can hold none (order lines, amounts) are not looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from contracts.event import PersonalMark
from contracts.frozen import replace

QUOTED_MIN = 3
"""A shorter text tells nobody apart, and stands in every other word."""

type Change = Callable[[str], str]
"""From one text of a person to what shall stand in its place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a class has personal data: the names of `texts`, and of the `parts` that have some themselves."""

    texts: tuple[str, ...]
    parts: tuple[str, ...]


def with_personal[T](value: T, change: Change) -> T:
    """The value with `change` applied to each text of a person. Empty and blank texts stay: nobody is in them."""
    place = personal_places(type(value))
    changes: dict[str, Any] = {}
    for name in place.texts:
        text = getattr(value, name)
        if isinstance(text, str) and text and not text.isspace():
            changes[name] = change(text)
    for name in place.parts:
        part = getattr(value, name)
        if part is not None:
            changes[name] = _part(part, change)
    if not changes:
        return value
    return value.model_copy(update=changes) if isinstance(value, BaseModel) else replace(value, **changes)


def _part(part: Any, change: Change) -> Any:
    return (
        tuple(with_personal(one, change) for one in part)
        if isinstance(part, tuple)
        else with_personal(part, change)
    )


def personal_texts(value: Any) -> Iterator[str]:
    """Each text of a person in the value."""
    place = personal_places(type(value))
    for name in place.texts:
        text = getattr(value, name)
        if isinstance(text, str) and text and not text.isspace():
            yield text
    for name in place.parts:
        part = getattr(value, name)
        for one in part if isinstance(part, tuple) else (part,):
            if one is not None:
                yield from personal_texts(one)


def without_personal(text: str, value: Any) -> str:
    """A text that somebody else wrote about the value, such as a refusal, with what it quotes of a person left out."""
    for quoted in sorted(set(personal_texts(value)), key=len, reverse=True):
        if len(quoted) >= QUOTED_MIN:
            text = text.replace(quoted, "...")
    return text


def personal_places(cls: type) -> Place:
    """Where a class (a frozen dataclass or an event) has personal data."""
    known = _PLACES.get(cls)
    if known is None:
        known = _PLACES[cls] = _found(cls)
    return known


_PLACES: dict[type, Place] = {}


def _found(cls: type) -> Place:
    if not (is_dataclass(cls) or issubclass(cls, BaseModel)):
        return Place((), ())
    hints = _hints(cls)
    texts = tuple(name for name, hint in hints.items() if _is_personal(hint))
    parts = tuple(name for name, hint in hints.items() if name not in texts and _holds_some(hint))
    return Place(texts, parts)


def _hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    names = cls.model_fields if issubclass(cls, BaseModel) else [field.name for field in fields(cls)]
    return {name: hints[name] for name in names}


def _is_personal(hint: Any) -> bool:
    """Whether the mark stands in the annotation, behind any alias."""
    if isinstance(hint, PersonalMark):
        return True
    origin = get_origin(hint)
    if isinstance(origin, TypeAliasType):
        return _is_personal(origin.__value__)
    if isinstance(hint, TypeAliasType):
        return _is_personal(hint.__value__)
    if hasattr(hint, "__metadata__"):
        return any(map(_is_personal, (*hint.__metadata__, hint.__origin__)))
    if origin in (Union, UnionType):
        return any(map(_is_personal, get_args(hint)))
    return False


def _holds_some(hint: Any) -> bool:
    if isinstance(hint, TypeAliasType):
        return _holds_some(hint.__value__)
    if isinstance(hint, type) and not get_args(hint):
        place = personal_places(hint)
        return bool(place.texts or place.parts)
    return any(map(_holds_some, get_args(hint)))
