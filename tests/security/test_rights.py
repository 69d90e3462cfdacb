"""The table of roles and the services' routes say the same."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest
from aiohttp import web

from contracts.parking import SERVICES
from contracts.rights import COMMANDS, IMPLIED, OPEN, ROLES, role_for

WEBHOOKS = "/channels/{channel}/webhooks"


def commands_of(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """Every path of a service that takes anything but a question."""
    monkeypatch.setenv("DOORSTEP_CONFIG", os.devnull)
    monkeypatch.setenv("DOORSTEP_SYSTEM__DATA", str(tmp_path))
    assembly = import_module(f"services.{service}.wiring").build()
    app = web.Application()
    app.add_routes(assembly.routes(None))
    return {
        route.resource.canonical
        for route in app.router.routes()
        if route.method not in ("GET", "HEAD") and route.resource
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_has_its_role(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that is in no table would be for admins only; one that is only in the table is a mistake."""
    assert commands_of(service, monkeypatch, tmp_path) - {WEBHOOKS} == set(COMMANDS[service])


def test_what_is_not_listed_is_for_admins() -> None:
    """Deny by default; reading is for viewers."""
    assert role_for("orders", "POST", "/made/up") == "admin"
    assert role_for("orders", "DELETE", "/made/up") == "admin"
    assert role_for("orders", "GET", "/made/up") == "viewer"
    assert {role_for("orders", "POST", path) for path in OPEN} == {None}


def test_roles_imply_no_more_than_they_say() -> None:
    """Money and goods are apart: nobody gets the one with the other, but an admin."""
    assert IMPLIED["admin"] == set(ROLES)
    assert "finance" not in IMPLIED["operator"]
    assert "operator" not in IMPLIED["finance"]
    assert all("admin" not in IMPLIED[role] for role in ROLES if role != "admin")
