"""What billing's decisions may know. The reactor's world offers exactly this."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from services.billing.domain.policies import Policies


class World(Protocol):
    """The time, the policies, and the newest states."""

    @property
    def now(self) -> datetime:
        """The time of this decision, UTC."""

    @property
    def policies(self) -> Policies:
        """Billing's settings for rules."""

    def state(self, entity: str) -> Any | None:
        """The newest state of an entity; None if unknown."""

    def tagged(self, tag: str, limit: int = 100) -> tuple[str, ...]:
        """Entities whose state carries the tag, oldest first."""
