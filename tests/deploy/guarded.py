"""A nats-server with the users that production has, and users who try what they like."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path

import nats
from nats.aio.client import Client

from chassis.login import Login
from deploy.nats.permissions import users
from deploy.nats.users_file import FILE
from tests.conftest import eventually

CONFIG = """
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitor}
max_payload: 2MB
jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 300GB, max_memory_store: 64MB }}
include "users.conf"
{more}
"""
VIOLATION = re.compile(r'permissions violation for (?:publish|subscription) to "([^"]+)"', re.IGNORECASE)
AT_ONCE = 16
"""Attempts between two flushes: nats-py gives up a connection on which too many errors arrive in one read."""
NAMES = ("sys", *(user.name for user in users()))


@dataclass
class GuardedServer:
    """nats-server with `deploy/nats/users.conf`, each user's password being `pw-<user>`."""

    folder: Path
    port: int
    monitor: int
    users_file: Path = FILE
    secrets: dict[str, str] = field(
        default_factory=lambda: {f"NATS_PASSWORD_{name.upper()}": f"pw-{name}" for name in NAMES}
    )
    more: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        assert binary, "nats-server is missing: run `make install`"
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.users_file, self.folder / "users.conf")
        config = self.folder / "nats.conf"
        config.write_text(
            CONFIG.format(port=self.port, monitor=self.monitor, folder=self.folder / "js", more=self.more)
        )
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [binary, "-c", str(config)], stdout=log, stderr=log, env=os.environ | self.secrets
            )
        eventually(self._is_healthy, 10, "nats-server is healthy", every=0.02)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/healthz", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False


def login_of(name: str) -> Login:
    """The login of one of the guarded server's users."""
    return Login.model_validate({"nats_user": name, "nats_password": f"pw-{name}"})


@dataclass
class Intruder:
    """One user's own connection, for trying everything and noting what the server refuses."""

    name: str
    client: Client
    refused: set[str] = field(default_factory=set)

    @classmethod
    async def connect(cls, server: GuardedServer, name: str) -> Intruder:
        self = cls(name, Client())

        async def noted(error: Exception) -> None:
            if found := VIOLATION.search(str(error)):
                self.refused.add(found[1].lower())

        await self.client.connect(
            server.url,
            user=name,
            password=f"pw-{name}",
            inbox_prefix=f"_INBOX_{name}",
            error_cb=noted,
            allow_reconnect=False,
        )
        return self

    async def publish(self, subjects: list[str]) -> set[str]:
        """Say something on each subject; returns those that were refused (the server tells them in lower case)."""
        for few in batched(subjects, AT_ONCE):
            for subject in few:
                await self.client.publish(subject, b"")
            await self._heard_of_all()
        return self._told(subjects)

    async def listen(self, subjects: list[str]) -> set[str]:
        """Subscribe to each subject; returns those that were refused."""
        for few in batched(subjects, AT_ONCE):
            for subject in few:
                await self.client.subscribe(subject)
            await self._heard_of_all()
        return self._told(subjects)

    async def _heard_of_all(self) -> None:
        """Twice: the first flush's ping overtakes what nats-py still holds back."""
        await self.client.flush()
        await self.client.flush()

    def _told(self, subjects: list[str]) -> set[str]:
        return {subject for subject in subjects if subject.lower() in self.refused}


async def refused_at_the_door(server: GuardedServer, **proof: str) -> bool:
    """Whether a connection with these proofs is turned away."""
    try:
        client = await nats.connect(server.url, allow_reconnect=False, **proof)
    except nats.errors.Error as refused:
        return "authorization" in str(refused).lower()
    await client.close()
    return False
