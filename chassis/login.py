"""Who this process is to NATS: a user with a password or an nkey, its inbox, and whom it believes to be the server.

Embedded there is none of it. In production each service has a user of its own (`deploy/nats/permissions.py`), and
secrets come from files, so that they show up in no environment and no process list.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from faststream.nats import security
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from chassis import nkeys
from chassis.first_fault import first_fault
from chassis.settings import SettingsWrong, section

INBOX = "_INBOX"


class Login(BaseModel):
    """The `nats_…` values of `[system]`, each also as `DOORSTEP_NATS_…`.

    `nats_user` alone names the inbox; with `nats_password` or `nats_password_file` it is also sent. An nkey is known
    to the server by its public half, so that `nats_seed` and `nats_seed_file` send no name. `nats_ca_file` (PEM) makes
    the connection TLS 1.3 and says who signs the server's certificate.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    nats_user: str = Field(default="", pattern=r"^[a-z0-9_-]{0,64}$")
    nats_password: SecretStr = SecretStr("")
    nats_password_file: Path | None = None
    nats_seed: SecretStr = SecretStr("")
    nats_seed_file: Path | None = None
    nats_inbox_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,80}$")
    nats_ca_file: Path | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Login:
        password = (self.nats_password.get_secret_value(), self.nats_password_file)
        seed = (self.nats_seed.get_secret_value(), self.nats_seed_file)
        if sum(map(bool, (*password, *seed))) > 1:
            raise ValueError("give one of nats_password, nats_password_file, nats_seed and nats_seed_file")
        if any(password) and not self.nats_user:
            raise ValueError("a password needs nats_user")
        return self

    @property
    def inbox_prefix(self) -> str:
        """Below which answers come back: by default `_INBOX_<user>`, the only subjects this user may listen to."""
        return self.nats_inbox_prefix or (f"{INBOX}_{self.nats_user}" if self.nats_user else INBOX)

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What the server has to prove, if anything. Raises `SettingsWrong` for a file that cannot be read."""
        if self.nats_ca_file is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.nats_ca_file)
        except OSError as fault:
            raise SettingsWrong(f"system.nats_ca_file: {self.nats_ca_file}: {fault}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def options(self) -> dict[str, Any]:
        """What FastStream's broker takes. Raises `SettingsWrong` for a secret that cannot be read."""
        return {"inbox_prefix": self.inbox_prefix, "security": self._security()}

    def _security(self) -> security.NatsSecurity:
        tls = self.tls
        if seed := _secret(self.nats_seed, self.nats_seed_file):
            return _Nkey(seed, tls)
        if password := _secret(self.nats_password, self.nats_password_file):
            return security.NatsUserPassword(self.nats_user, password, ssl_context=tls)
        return security.NatsSecurity(ssl_context=tls)


class _Nkey(security.NatsNKey):
    """FastStream's, without its question for the package `nkeys`. Raises `SettingsWrong` for what is no seed."""

    def __init__(self, seed: str, tls: ssl.SSLContext | None) -> None:
        try:
            nkeys.public_of(seed)
        except nkeys.NotASeed as wrong:
            raise SettingsWrong(f"system.nats_seed: {wrong}") from None
        nkeys.stand_in()
        security.NatsSecurity.__init__(self, ssl_context=tls)
        self.seed, self.seed_is_file = seed, False


def configured() -> Login:
    """The login of this process. Raises `SettingsWrong` naming the field."""
    said = section("system", dict[str, Any])
    given = {
        name: value for name in Login.model_fields if (value := os.environ.get(f"DOORSTEP_{name.upper()}"))
    }
    try:
        return Login.model_validate(said | given)
    except ValidationError as wrong:
        fault = first_fault(wrong)
        raise SettingsWrong(f"{fault.below('system')}: {fault.says}") from None


def _secret(given: SecretStr, path: Path | None) -> str:
    if path is None:
        return given.get_secret_value()
    try:
        secret = path.read_text().strip()
    except OSError as fault:
        raise SettingsWrong(f"a NATS secret cannot be read: {path}: {fault.strerror}") from None
    if not secret:
        raise SettingsWrong(f"a NATS secret is empty: {path}")
    return secret
