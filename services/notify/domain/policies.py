"""What the rules of notify need to know about the shop."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Policies:
    """The shop's name, and what customers call its carriers (`own_range` may be `Our own drivers`)."""

    shop_name: str = "Doorstep"
    carrier_names: dict[str, str] = field(default_factory=dict)

    def carrier(self, name: str) -> str:
        """The carrier as a customer knows it; without an entry, its technical name made readable."""
        return self.carrier_names.get(name) or name.replace("_", " ")
