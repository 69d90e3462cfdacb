"""How streams, subjects and consumers are called in a cell. The cell `default` adds nothing."""

from __future__ import annotations

from dataclasses import dataclass

CELL_FORM = r"^[a-z][a-z0-9_]{0,31}$"
"""What a cell may be called."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one cell."""

    cell: str = "default"

    def stream(self, stream: str) -> str:
        """`ORDERS`, or `eu_ORDERS` in the cell `eu`."""
        return stream if self.cell == "default" else f"{self.cell}_{stream}"

    def subject(self, subject: str) -> str:
        """`evt.orders.…`, or `eu.evt.orders.…` in the cell `eu`."""
        return subject if self.cell == "default" else f"{self.cell}.{subject}"

    def user(self, user: str) -> str:
        """`orders`, or `eu-orders` in the cell `eu`: who somebody is to NATS."""
        return user if self.cell == "default" else f"{self.cell}-{user}"

    def durable(self, service: str) -> str:
        """A service's consumer on each stream it reads."""
        return service
