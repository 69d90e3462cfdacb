"""What a decision of this service may know. The chassis gives it; tests make it of given events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from services.orders.domain.policies import OrderPolicies


class World(Protocol):
    """The time, the shop's policies, and the newest states."""

    @property
    def now(self) -> datetime:
        """The time of this decision, UTC."""

    @property
    def policies(self) -> OrderPolicies:
        """What the shop has set."""

    def state(self, entity: str) -> Any | None:
        """The newest state of an entity; None if unknown."""

    def tagged(self, tag: str, limit: int = 100) -> tuple[str, ...]:
        """Entities whose state carries the tag, oldest first."""
