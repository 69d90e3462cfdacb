"""What the compose file gives to whom: each service its own two secrets, the owner of the database to two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from contracts.services import MEETS_NOBODY, SERVICES
from deploy.secrets import drawn

FILE = Path(__file__).parents[2] / "deploy" / "compose.yaml"
COMPOSED: dict[str, Any] = yaml.safe_load(FILE.read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSED["services"]


def secrets_of(part: str) -> dict[str, str]:
    """The secrets of a container, by the file that they are there."""
    return {each["target"]: each["source"] for each in PARTS[part].get("secrets", ())}


def mounts_of(part: str) -> set[str]:
    """What of the drawn secrets a container mounts by folder."""
    return {
        mount.split(":")[0].removeprefix("./secrets.d/")
        for mount in PARTS[part].get("volumes", ())
        if mount.startswith("./secrets.d/")
    }


def test_a_service_comes_as_itself() -> None:
    """On the bus and in the database; the master key is with those who meet people."""
    for service in SERVICES:
        assert secrets_of(service) == {"seed": f"bus-{service}", "database": f"database-{service}"}
        assert PARTS[service]["environment"]["DOORSTEP_NATS_USER"] == service
        assert ("master-key" in mounts_of(service)) == (service not in MEETS_NOBODY)
        assert mounts_of(service) <= {"access", "nats-authority", "master-key"}


def test_the_owner_of_the_database_is_with_the_migrations_and_the_tools() -> None:
    """Whoever has it may change history."""
    owners = {part for part in PARTS if "database-owner" in secrets_of(part).values()}
    assert owners == {"postgres", "migrate", "tools"}
    assert PARTS["tools"]["profiles"] == ["tools"]


def test_every_secret_is_one_that_is_drawn() -> None:
    """As `python -m deploy.secrets --folder` writes them."""
    given = drawn("default", "doorstep")
    for secret in COMPOSED["secrets"].values():
        _, name, key = secret["file"].split("/")
        assert key in given[name]
    assert {mount for part in PARTS for mount in mounts_of(part)} <= given.keys()
    files = {file for part in PARTS.values() for file in part.get("env_file", ())}
    assert files == {"secrets.d/nats-server.env", "secrets.d/channels.env"}


def test_every_container_of_ours_is_locked() -> None:
    """As in a cluster: nobody in particular, on a file system that nobody writes to."""
    for name, part in PARTS.items():
        if name != "postgres":
            assert (part["user"], part["read_only"], part["cap_drop"]) == ("10001:10001", True, ["ALL"]), name
            assert part["security_opt"] == ["no-new-privileges:true"], name
