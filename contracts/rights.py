"""Who may do what: the one table of roles and commands. What is not listed may be done by an admin only.

Reading anything needs `viewer`; what a probe, a scraper or a channel asks needs no role (`OPEN`). A test holds the
table and the services' routes together.
"""

from __future__ import annotations

from typing import Literal

type Role = Literal["viewer", "operator", "finance", "admin"]

ROLES: tuple[Role, ...] = ("viewer", "operator", "finance", "admin")
IMPLIED: dict[Role, frozenset[Role]] = {
    "viewer": frozenset({"viewer"}),
    "operator": frozenset({"viewer", "operator"}),
    "finance": frozenset({"viewer", "finance"}),
    "admin": frozenset(ROLES),
}
"""What a role is good for, besides itself."""

OPEN = frozenset(
    {"/livez", "/readyz", "/metrics", "/openapi.json", "/channels/{channel}/webhooks"},
)
"""Answered to anyone: health, figures without personal data, and webhooks, which prove themselves by a signature."""

COMMANDS: dict[str, dict[str, Role]] = {
    "*": {
        "/ops/parked/{id}/retry": "operator",
        "/ops/parked/{id}/discard": "operator",
    },
    "orders": {
        "/orders": "operator",
        "/customers/{key}/forgotten": "admin",
        "/orders/{id}/cancel": "operator",
        "/orders/{id}/holds": "operator",
        "/orders/{id}/holds/{reason}/release": "operator",
    },
    "inventory": {
        "/stock/receipts": "operator",
        "/stock/adjustments": "operator",
        "/imports/skus": "operator",
        "/imports/stock": "operator",
        "/approvals/{id}/approve": "finance",
        "/approvals/{id}/deny": "finance",
    },
    "shipping": {
        "/fulfilments/{id}/dispatch": "operator",
        "/fulfilments/{id}/labels/retry": "operator",
        "/parcels/{id}/scans": "operator",
        "/ranges/{carrier}/grants": "operator",
    },
    "billing": {
        "/payouts": "finance",
        "/orders/{id}/refunds/confirm": "finance",
        "/orders/{id}/refunds/retry": "finance",
        "/approvals/{id}/approve": "finance",
        "/approvals/{id}/deny": "finance",
    },
    "notify": {},
}
"""Service and path to the role that its POST needs; `*` stands for every service."""


def role_for(service: str, method: str, path: str) -> Role | None:
    """The role that a request needs, None where anyone may. `path` is the route's, with names in braces."""
    if path in OPEN:
        return None
    if method in ("GET", "HEAD"):
        return "viewer"
    return COMMANDS[service].get(path) or COMMANDS["*"].get(path) or "admin"
