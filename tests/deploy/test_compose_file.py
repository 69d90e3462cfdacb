"""What the compose file gives to whom: each service its own two secrets, the owner of the database to two."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.services import MEETS_NOBODY, SERVICES
from deploy.secrets import drawn

FILE = Path(__file__).parents[2] / "deploy" / "compose.yaml"
COMPOSED: dict[str, Any] = yaml.safe_load(FILE.read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSED["services"]
MAIL, TOKEN = "DOORSTEP_NOTIFY__SMTP__PASSWORD", "DOORSTEP_SHIPPING__CARRIERS__DHL__TOKEN"


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
    files = {file for part in PARTS.values() for file in part.get("env_file", ()) if isinstance(file, str)}
    assert files == {"secrets.d/nats-server.env", "secrets.d/channels.env"}
    assert not {Path(file).stem for file in files} - given.keys()


def test_what_providers_give_us_may_come_later() -> None:
    """The mail server's password and carriers' tokens: a file each, whose own service alone has it, as in a cluster."""
    optional = {
        (name, file["path"])
        for name, part in PARTS.items()
        for file in part.get("env_file", ())
        if not isinstance(file, str) and file["required"] is False
    }
    assert optional == {("notify", "secrets.d/mail.env"), ("shipping", "secrets.d/carriers.env")}


def test_a_password_comes_to_its_service_as_it_is_written(tmp_path: Path) -> None:
    """Compose itself reads the files, signs like $ among it; without them it is content as well."""
    (tmp_path / "compose.yaml").write_text(FILE.read_text())
    folder = tmp_path / "secrets.d"
    folder.mkdir()
    for drawn_file in ("channels.env", "nats-server.env"):
        (folder / drawn_file).touch()
    assert MAIL not in environments(tmp_path)["notify"]
    (folder / "mail.env").write_text(f"{MAIL}='pa$$ wo$rd#1'\nDOORSTEP_NOTIFY__TRANSPORT=smtp\n")
    (folder / "carriers.env").write_text(f"{TOKEN}='t-1'\n")
    found = environments(tmp_path)
    assert (found["notify"][MAIL], found["notify"]["DOORSTEP_NOTIFY__TRANSPORT"]) == ("pa$$ wo$rd#1", "smtp")
    assert found["shipping"][TOKEN] == "t-1"
    assert [name for name in found if found[name].keys() & {MAIL, TOKEN}] == ["notify", "shipping"]


def environments(folder: Path) -> dict[str, dict[str, str]]:
    """What compose would give to each container, as it would write it down: a $ is two. It needs no engine for that."""
    said = [*compose_v2(), "--file", str(folder / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(said, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    return {
        name: {key: str(value).replace("$$", "$") for key, value in part.get("environment", {}).items()}
        for name, part in services.items()
    }


def compose_v2() -> tuple[str, ...]:
    """Its command. Skips where there is none."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]):
            asked = subprocess.run(
                [*command, "version", "--short"], capture_output=True, text=True, timeout=60
            )
            if asked.returncode == 0 and asked.stdout.strip().lstrip("v").startswith("2."):
                return command
    pytest.skip("no compose v2")


def test_every_container_of_ours_is_locked() -> None:
    """As in a cluster: nobody in particular, on a file system that nobody writes to."""
    for name, part in PARTS.items():
        if name != "postgres":
            assert (part["user"], part["read_only"], part["cap_drop"]) == ("10001:10001", True, ["ALL"]), name
            assert part["security_opt"] == ["no-new-privileges:true"], name
