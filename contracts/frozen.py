"""A frozen value with some fields changed: what `dataclasses.replace` does, at a quarter of its cost.

A service changes a state with every event, twice (deciding and recording), so this is the most called function of
all. `dataclasses.replace` walks the fields in Python and runs `__init__`; here each class gets a straight copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

type Setters = Mapping[str, Callable[[Any, Any], None]]


def replace[T](value: T, /, **changes: Any) -> T:
    """A copy of a frozen slotted dataclass with these fields changed. Raises `TypeError` for a field it has not."""
    cls: type = type(value)
    copy, setters = _copier(cls)
    new = copy(value)
    for name, change in changes.items():
        if name not in setters:
            raise TypeError(f"{type(value).__name__} has no field {name!r}")
        setters[name](new, change)
    if changes and hasattr(new, "__post_init__"):
        new.__post_init__()
    return new  # type: ignore[no-any-return]


@cache
def _copier(cls: type) -> tuple[Callable[[Any], Any], Setters]:
    """A function that copies a value of the class field by field, and the setters of its slots."""
    setters = {field.name: getattr(cls, field.name).__set__ for field in fields(cls)}
    names = {f"set_{name}": setter for name, setter in setters.items()} | {"new": cls.__new__, "cls": cls}
    body = "\n".join(f"    set_{name}(copy, value.{name})" for name in setters)
    exec(f"def copier(value):\n    copy = new(cls)\n{body}\n    return copy", names)  # noqa: S102 - from field names only
    return names["copier"], setters
