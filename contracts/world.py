"""What a decision may know. The chassis gives it; tests make it of given events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol


class World[Policies](Protocol):
    """The time, the shop's policies, and the newest states: nothing else, so that a decision can be made again."""

    @property
    def now(self) -> datetime:
        """The time of this decision, UTC."""

    @property
    def policies(self) -> Policies:
        """The service's settings that rules depend on (a frozen dataclass of the service)."""

    def state(self, entity: str) -> Any | None:
        """The newest state of an entity, including what earlier messages of the same batch changed; None if unknown."""

    def tagged(self, tag: str, limit: int = 100) -> tuple[str, ...]:
        """Entities whose state carries the tag, oldest first."""
