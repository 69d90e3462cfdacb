"""Walks over the personal data of a value: every field that is typed `Personal[...]`, however deep it stands.

Which fields those are is read off the types once per class, so that a field added tomorrow is found without a word
here. Parts that can hold none (order lines, amounts) are not looked into.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from contracts.event import PersonalMark
from contracts.frozen import replace

TOGETHER = "sealed.v1"
"""Stands in the place of a text that is sealed together with another one: with the first text of the same part."""
ERASED = "(erased)"
"""What stands in the place of a text whose key was destroyed."""
WHOLE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""From the texts of a part to one."""

type Change = Callable[[str], str]
"""From one text of a person to what shall stand in its place."""
type Texts = Mapping[str, str]
"""The texts of one part that are not blank, by field."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a class has personal data: the names of `texts`, and of the `parts` that have some themselves.

    `together`: its texts are sealed as one.
    """

    texts: tuple[str, ...]
    parts: tuple[str, ...]
    together: bool = False


def with_personal[T](value: T, change: Change) -> T:
    """The value with `change` applied to each text of a person. Empty and blank texts stay: nobody is in them."""
    return _walked(value, lambda _, texts: {name: change(text) for name, text in texts.items()})


def with_sealed[T](value: T, seal: Change) -> T:
    """The value with each text of a person sealed, those of a postal address as one: it is moved and read as a whole,
    and a sealed text is three times as long as what is in it.
    """

    def sealed(place: Place, texts: Texts) -> Texts:
        if not place.together or len(texts) == 1:
            return {name: seal(text) for name, text in texts.items()}
        first, *others = texts
        return {first: seal(WHOLE([*texts.values()])), **dict.fromkeys(others, TOGETHER)}

    return _walked(value, sealed)


def with_opened[T](value: T, open_text: Change) -> T:
    """The value with each text readable again. `open_text` gives `ERASED` for what nobody can read any more, and a
    text that is not sealed as it is.
    """
    return _walked(value, lambda _, texts: opened_texts(texts, open_text))


def opened_texts(texts: Texts, open_text: Change) -> Texts:
    """The sealed texts of one part, in the order of its fields, readable."""
    first, *others = texts
    opened = open_text(texts[first])
    if TOGETHER not in texts.values() or opened == texts[first]:
        return {first: opened, **{name: open_text(texts[name]) for name in others}}
    return (
        dict.fromkeys(texts, ERASED)
        if opened == ERASED
        else dict(zip(texts, json.loads(opened), strict=True))
    )


def _walked[T](value: T, each: Callable[[Place, Texts], Texts]) -> T:
    place = personal_places(type(value))
    texts = {
        name: text
        for name in place.texts
        if isinstance(text := getattr(value, name), str) and text and not text.isspace()
    }
    changes: dict[str, Any] = {**each(place, texts)} if texts else {}
    for name in place.parts:
        part = getattr(value, name)
        if part is not None:
            changes[name] = (
                tuple(_walked(one, each) for one in part) if isinstance(part, tuple) else _walked(part, each)
            )
    if not changes:
        return value
    return value.model_copy(update=changes) if isinstance(value, BaseModel) else replace(value, **changes)


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
    return Place(texts, parts, getattr(cls, "SEALED_TOGETHER", False))


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
