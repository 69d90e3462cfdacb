"""What is wrong with something that came from outside, for people: pydantic's first fault, in our words."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import ValidationError


class Fault(NamedTuple):
    """Where it is (`lines.0.quantity`, empty for the whole), what is wrong, and the value that is."""

    path: str
    says: str
    value: Any

    def below(self, root: str) -> str:
        """The path, where what was looked at is itself a part of something."""
        return f"{root}.{self.path}" if self.path else root


def first_fault(wrong: ValidationError) -> Fault:
    """The first of the faults. A rule of our own speaks for itself, without pydantic's "Value error, "."""
    first = wrong.errors(include_url=False)[0]
    own = first.get("ctx", {}).get("error")
    path = ".".join(str(part) for part in first["loc"])
    return Fault(path, str(own) if isinstance(own, Exception) else first["msg"], first["input"])
