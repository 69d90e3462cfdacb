"""The five services, in the order in which an order meets them."""

from __future__ import annotations

SERVICES = ("orders", "inventory", "shipping", "billing", "notify")
MEETS_NOBODY = frozenset({"inventory"})
"""No event or call of theirs is about a person: they have no keys to personal data."""
