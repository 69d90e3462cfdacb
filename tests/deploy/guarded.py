"""A nats-server with the users that production has, and users who try what they like."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path

import nats
from nats.aio.client import Client

from chassis import nkeys
from chassis.login import Login
from deploy.nats.permissions import users
from deploy.nats.users_file import FILE
from tests.conftest import NatsServer

VIOLATION = re.compile(r'permissions violation for (?:publish|subscription) to "([^"]+)"', re.IGNORECASE)
AT_ONCE = 16
"""Attempts between two flushes: nats-py gives up a connection on which too many errors arrive in one read."""
SEEDS = {name: nkeys.draw() for name in ("sys", *(user.name for user in users()))}
"""Each user's proof, drawn for this run."""


@dataclass
class GuardedServer(NatsServer):
    """nats-server with the users of `users_file`, known by their nkeys; `more` is further configuration."""

    more: str = ""
    users_file: Path = FILE

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.users_file, self.folder / "users.conf")
        super().start()

    def configuration(self) -> str:
        return f'{super().configuration()}\ninclude "users.conf"\n{self.more}\n'

    def secrets(self) -> dict[str, str]:
        return {
            f"NATS_NKEY_{name.upper().replace('-', '_')}": nkeys.public_of(seed)
            for name, seed in SEEDS.items()
        }


def login_of(name: str) -> Login:
    """The login of one of the guarded server's users."""
    return Login.model_validate({"nats_user": name, "nats_seed": SEEDS[name]})


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

        nkeys.stand_in()
        await self.client.connect(
            server.url,
            nkeys_seed_str=SEEDS[name],
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
            await self.heard_of_all()
        return self._told(subjects)

    async def listen(self, subjects: list[str]) -> set[str]:
        """Subscribe to each subject; returns those that were refused."""
        for few in batched(subjects, AT_ONCE):
            for subject in few:
                await self.client.subscribe(subject)
            await self.heard_of_all()
        return self._told(subjects)

    async def heard_of_all(self) -> None:
        """The server has said what it refuses. Two flushes: the first ping overtakes what nats-py still holds back."""
        await self.client.flush()
        await self.client.flush()

    def _told(self, subjects: list[str]) -> set[str]:
        return {subject for subject in subjects if subject.lower() in self.refused}


async def refused_at_the_door(server: GuardedServer, **proof: str) -> bool:
    """Whether a connection with these proofs is turned away."""
    nkeys.stand_in()
    try:
        client = await nats.connect(server.url, allow_reconnect=False, **proof)
    except nats.errors.Error as refused:
        return "authorization" in str(refused).lower()
    await client.close()
    return False
