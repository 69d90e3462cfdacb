"""The five services, in the order in which an order meets them."""

from __future__ import annotations

SERVICES = ("orders", "inventory", "shipping", "billing", "notify")
