"""What billing's decisions may know."""

from __future__ import annotations

from contracts import world
from services.billing.domain.policies import Policies

type World = world.World[Policies]
"""The time, the shop's policies, and the newest states."""
