"""What the catalogue says about who states and who hears an event is what the services' tables do."""

from __future__ import annotations

import importlib
import types
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from chassis.declare import Kind, Service
from chassis.parking import with_parking
from contracts.catalogue import CATALOGUE
from contracts.event import Event
from contracts.upcasters import UPCASTERS
from tests.architecture.tree import SERVICES

PLAIN: dict[Any, Any] = {
    str: "LAMP",
    int: 7,
    bool: True,
    Decimal: Decimal("0.19"),
    datetime: datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    date: date(2026, 11, 21),
}


@cache
def declared(name: str) -> Service:
    """The service as configured by default, with what the chassis adds."""
    service: Service = importlib.import_module(f"services.{name}.wiring").build().service
    return with_parking(service)


def newest(model: type[Event]) -> type[Event]:
    """The version that a decision sees."""
    while model in UPCASTERS:
        model = get_type_hints(UPCASTERS[model])["return"]
    return model


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_hears_exactly_what_the_catalogue_says(name: str) -> None:
    """Consumers are filtered by the catalogue: a reaction missing there never runs, one missing here parks."""
    heard = {entry.model for entry in CATALOGUE if name in entry.consumers and entry.producer != "channels"}
    assert declared(name).on_event.keys() == {newest(model) for model in heard}


@pytest.mark.parametrize("name", SERVICES)
def test_channels_are_heard_by_who_reads_raw_messages(name: str) -> None:
    """Channels speak their own languages: only a reader of raw messages can take them."""
    listed = any(name in entry.consumers for entry in CATALOGUE if entry.producer == "channels")
    assert (declared(name).on_raw is not None) == listed


@pytest.mark.parametrize("name", SERVICES)
def test_every_event_a_service_states_has_its_place(name: str) -> None:
    """An event without a place cannot be recorded; a place without an event is a promise nobody keeps."""
    stated = {entry.model for entry in CATALOGUE if entry.producer == name}
    assert declared(name).places.keys() == {newest(model) for model in stated}


KINDS = [pytest.param(kind, id=f"{name}-{kind.name}") for name in SERVICES for kind in declared(name).kinds]


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_frozen_and_comes_back_from_the_store_as_it_was(kind: Kind) -> None:
    """P5: a state is a value, and what was written beside the log is what the next decision sees."""
    state = example_of(kind.state)
    assert kind.state.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert not hasattr(state, "__dict__"), "without slots a state costs three times the memory"
    assert msgspec.json.decode(msgspec.json.encode(state), type=kind.state) == state


def example_of(hint: Any) -> Any:
    """A value of a type, every field given and every collection with one element."""
    if isinstance(hint, TypeAliasType):
        return example_of(hint.__value__)
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{field.name: example_of(hints[field.name]) for field in fields(hint) if field.init})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return _example_of_generic(get_origin(hint), get_args(hint))


def _example_of_generic(origin: Any, arguments: tuple[Any, ...]) -> Any:
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return example_of(next(one for one in arguments if one is not types.NoneType))
    if origin is tuple:
        return tuple(example_of(one) for one in arguments if one is not Ellipsis)
    if origin is frozenset:
        return frozenset({example_of(arguments[0])})
    if origin is dict:
        return {example_of(arguments[0]): example_of(arguments[1])}
    if isinstance(origin, TypeAliasType):
        return example_of(origin.__value__[arguments])
    assert origin is Annotated, f"the store cannot hold a {origin}"
    return example_of(arguments[0])
