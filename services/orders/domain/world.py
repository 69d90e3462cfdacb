"""What a decision of this service may know."""

from __future__ import annotations

from contracts import world
from services.orders.domain.policies import OrderPolicies

type World = world.World[OrderPolicies]
"""The time, the shop's policies, and the newest states."""
