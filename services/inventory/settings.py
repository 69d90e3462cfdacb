"""The table `[inventory]` of `doorstep.toml`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from chassis.settings import Limits
from services.inventory.domain.policies import Policies


class InventorySettings(BaseModel):
    """How long stock stays promised to an order; and the period in which a SKU's availability is told once.

    What goes to or from zero is told at once, whatever `announce_after_seconds` says. An adjustment that takes more
    than `write_off_limit_units`, or more than `write_off_limits_minor` of its currency at catalogue prices, needs a
    second person; 0 is every one, a limit that is not given none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reservation_minutes: int = Field(default=7 * 24 * 60, ge=1, le=366 * 24 * 60)
    announce_after_seconds: float = Field(default=1.0, ge=0.01, le=3600)
    write_off_limit_units: int | None = Field(default=None, ge=0)
    write_off_limits_minor: Limits = Field(default_factory=dict)


def policies_of(settings: InventorySettings) -> Policies:
    """The settings in the form that the rules know."""
    return Policies(
        reservation=timedelta(minutes=settings.reservation_minutes),
        announcements=timedelta(seconds=settings.announce_after_seconds),
        write_off_units=settings.write_off_limit_units,
        write_off_limits=dict(settings.write_off_limits_minor),
    )
