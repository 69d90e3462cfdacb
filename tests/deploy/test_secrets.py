"""What `python -m deploy.secrets` draws is what servers and services take, and each part can be drawn anew."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis import nkeys
from chassis.bus import BusAway, open_bus
from chassis.login import Login
from contracts.catalogue import STREAMS
from deploy.secrets import ROTATED, drawn
from tests.conftest import free_port
from tests.deploy.guarded import GuardedServer

REPOSITORY = Path(__file__).parents[2]
DOCUMENTED = (
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
    "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
)
"""A user's seed and public key, as the documentation of NATS has them."""


@dataclass
class Delivered(GuardedServer):
    """The server with the users as delivered, and with the public keys of a folder of secrets."""

    drawn: Path = Path()

    def secrets(self) -> dict[str, str]:
        lines = (self.drawn / "nats-server.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def draw(*arguments: str, umask: int = -1) -> subprocess.CompletedProcess[str]:
    """The command as an operator gives it."""
    command = [sys.executable, "-m", "deploy.secrets", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, umask=umask)


def contents(folder: Path) -> dict[str, str]:
    """Every file, by its path in the folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


async def orders_may_look(server: Delivered, seed: Path) -> bool:
    """Whether the user with the seed in this file gets in as orders, and is answered."""
    login = Login.model_validate({"nats_user": "orders", "nats_seed_file": seed})
    try:
        bus = await open_bus(server.url, "look", deadline_seconds=2, login=login)
    except BusAway:
        return False
    answer = await bus.client.request(f"$JS.API.STREAM.INFO.{STREAMS['orders']}", b"", timeout=5)
    await bus.close()
    return b"stream not found" in answer.data


async def test_the_nats_users_are_drawn_and_drawn_anew(tmp_path: Path) -> None:
    """One command each: a service gets in with its seed; after the rotation with the new one, never with the old."""
    folder, old = tmp_path / "secrets.d", tmp_path / "old"
    assert draw("--folder", str(folder)).returncode == 0
    first = contents(folder)
    seed = folder / "nats-user-orders" / "seed"
    old.write_text(seed.read_text())
    server = Delivered(tmp_path / "nats", free_port(), free_port(), drawn=folder)
    server.start()
    try:
        assert await orders_may_look(server, seed)
        done = draw("--folder", str(folder), "--only", "nats-users")
        assert done.returncode == 0, done.stderr
        server.stop()
        server.start()
        assert await orders_may_look(server, seed)
        assert not await orders_may_look(server, old)
    finally:
        server.stop()
    changed = {path for path, text in contents(folder).items() if text != first[path]}
    assert changed == {path for path in first if path.startswith(("nats-user-", "nats-server"))}


def test_the_servers_know_no_seed() -> None:
    """Who takes a server over cannot come as a service afterwards."""
    found = drawn("default", "doorstep")
    seeds = {secret["seed"] for name, secret in found.items() if name.startswith("nats-user-")}
    assert set(found["nats-server"].values()) == {nkeys.public_of(seed) for seed in seeds}
    assert not [seed for seed in seeds if seed in json.dumps(found["nats-server"])]


@pytest.mark.parametrize("part", ROTATED)
def test_a_part_replaces_the_secrets_it_is_made_of(part: str) -> None:
    """The same names, the same keys, other values: `kubectl replace` needs nothing else."""
    said = draw("--namespace", "shop", "--only", part)
    assert said.returncode == 0, said.stderr
    before, after = drawn("default", "shop", parts=[part]), by_name(json.loads(said.stdout))
    assert {name: set(keys) for name, keys in after.items()} == {n: set(keys) for n, keys in before.items()}
    assert all(after[name] != before[name] for name in before)


def by_name(listed: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The contents of a List of Secrets."""
    return {each["metadata"]["name"]: each["stringData"] for each in listed["items"]}


@pytest.mark.parametrize("part", ["master-key", "channels", "everything"])
def test_what_has_a_way_of_its_own_is_not_drawn_anew(part: str) -> None:
    """A new master key in the place of the old one would lock every customer's data away for ever."""
    refused = draw("--only", part)
    assert (refused.returncode, refused.stdout) == (2, "")


def test_nothing_is_drawn_over_what_is_there(tmp_path: Path) -> None:
    """And no part of what was never drawn: not into a folder of something else, nor into none."""
    there, missing, file = tmp_path / "there", tmp_path / "missing", tmp_path / "file"
    there.mkdir()
    (there / "note").write_text("mine")
    file.touch()
    for arguments in (
        ("--folder", str(there)),
        ("--folder", str(there), "--only", "access"),
        ("--folder", str(missing), "--only", "access"),
        ("--folder", str(file)),
        ("--folder", str(file / "below")),
    ):
        refused = draw(*arguments)
        assert refused.returncode == 1, arguments
        assert refused.stderr.startswith("secrets: ")
        assert refused.stderr.count("\n") == 1, refused.stderr
    assert contents(tmp_path) == {"there/note": "mine", "file": ""}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_a_folder_is_read_by_containers_and_by_nobody_else(tmp_path: Path) -> None:
    """Whatever the umask of who draws: processes in containers have another uid, and others here not even the folder.
    An empty one may be there already, as a container engine leaves one where it missed it.
    """
    folder = tmp_path / "secrets.d"
    folder.mkdir()
    for umask, arguments in ((0o077, ()), (0o000, ("--only", "nats-users"))):
        done = draw("--folder", str(folder), *arguments, umask=umask)
        assert done.returncode == 0, done.stderr
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
        assert modes.pop(folder) == 0o700
        expected = {
            path: 0o755 if path.is_dir() else 0o600 if path.suffix == ".env" else 0o644 for path in modes
        }
        assert modes == expected


def test_what_is_wrong_is_said_before_anything_is_drawn() -> None:
    """Names that no cluster would take, and a reader that is gone: a line, and no traceback."""
    for arguments in (
        ("--namespace", "Our Shop"),
        ("--cell", "EU"),
        ("--only", "everything"),
        ("--onyl", "access"),
    ):
        refused = draw(*arguments)
        assert (refused.returncode, refused.stdout) == (2, ""), arguments
        assert "Traceback" not in refused.stderr
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "deploy.secrets"]
        done = subprocess.run(
            command, cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("secrets: ")


def test_seeds_are_those_of_nats() -> None:
    """By the pair in its documentation; a seed that was cut off is none."""
    seed, public = DOCUMENTED
    assert nkeys.public_of(seed) == public
    for wrong in ("", "SU", seed[:-4], seed.lower(), public):
        with pytest.raises(nkeys.NotASeed):
            nkeys.public_of(wrong)
