"""The PostgreSQL server of a cluster, the operator's or one's own: who logs in there, and by which URL."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from contracts.services import SERVICES

POSTGRES_AUTHORITY = "/run/secrets/postgres-authority/ca.crt"
"""Where pods find the certificate of whoever signed the server's."""
PROOF = f"sslmode=verify-full&sslrootcert={POSTGRES_AUTHORITY}"
EXAMPLE = "postgresql://doorstep@db.example:5432/doorstep"


class DatabaseWrong(Exception):
    """A server cannot be meant so; the message says what is missing."""


@dataclass(frozen=True)
class Server:
    """Where it is and what the database is called; its owner, whose password is drawn where none is given; and the
    authority that signed its certificate, in PEM, where the operator does not provide that.
    """

    hosts: str
    database: str
    owner: str
    password: str = ""
    authority: str = ""
    prefix: str = ""
    """What the services' logins begin with: cells that share a server have logins of their own."""

    @classmethod
    def of_the_operator(cls, namespace: str) -> Server:
        """As overlays/production has it made."""
        return cls(f"postgres-rw.{namespace}:5432", "doorstep", "doorstep")

    @classmethod
    def of_ones_own(cls, url: str, password: Path, authority: Path, cell: str = "default") -> Server:
        """The one that a URL names, with its owner's password and its authority in files. Raises `DatabaseWrong`."""
        found = urlsplit(url)
        owner, _, hosts = found.netloc.rpartition("@")
        database = found.path.removeprefix("/")
        if not found.scheme.startswith("postgres") or not owner or not hosts or not database or found.query:
            raise DatabaseWrong(f"--database names the owner, the server and the database: {EXAMPLE}")
        if ":" in owner:
            raise DatabaseWrong("the owner's password does not belong into --database, but into a file")
        certificate = _read(authority)
        if "BEGIN CERTIFICATE" not in certificate:
            raise DatabaseWrong(f"{authority} has no certificate (PEM) in it")
        prefix = "" if cell == "default" else f"{cell}_"
        return cls(hosts, database, owner, _read(password), certificate, prefix)

    def owners(self) -> dict[str, dict[str, str]]:
        """The Secrets of who makes the tables: the owner's login and, with a server of one's own, its authority."""
        found = {"postgres-owner": self._login(self.owner, self.password or _drawn())}
        return found | ({"postgres-ca": {"ca.crt": self.authority}} if self.authority else {})

    def logins(self) -> dict[str, dict[str, str]]:
        """The Secret of each service, its password drawn."""
        return {f"postgres-{name}": self._login(f"{self.prefix}{name}", _drawn()) for name in SERVICES}

    def _login(self, user: str, password: str) -> dict[str, str]:
        """In the form that CloudNativePG and our pods read. The server has to prove that it is ours."""
        uri = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{self.hosts}/{self.database}?{PROOF}"
        return {"username": user, "password": password, "uri": uri}


def is_login(contents: Mapping[str, str]) -> bool:
    """Whether a Secret is one of these."""
    return "username" in contents


def _read(file: Path) -> str:
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise DatabaseWrong(f"{file}: {getattr(fault, 'strerror', None) or 'is no text'}") from None
    if not text:
        raise DatabaseWrong(f"{file} is empty")
    return text


def _drawn() -> str:
    """256 bits."""
    return secrets.token_hex(32)
