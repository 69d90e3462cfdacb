"""`[access]`: who may come in, by which proof. Read by the door itself, and by whoever has to show a proof to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chassis.settings import LISTED, SettingsWrong
from contracts.rights import Role

PROXY = "X-Doorstep-Proxy"
"""The header in which a trusted proxy shows the local password."""
PASSWORD_CHARACTERS_MIN = 16


class Provider(BaseModel):
    """`[access.tokens]`: whose tokens are believed, if anyone's.

    `jwks` is a file or a URL (https, but for loopback). `audience` is us. `name_claim` is who it is, `roles_claim` a
    list of groups; a dot leads into an object (`realm_access.roles`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    jwks: str = Field(min_length=1)
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    name_claim: str = "sub"
    roles_claim: str = "roles"


class Access(BaseModel):
    """The `[access]` table, each value also as `DOORSTEP_ACCESS__…`.

    `loopback`: the roles of whoever asks from this machine without a proof; none of them means that everyone has to
    show one. `groups`: what the provider's or proxy's groups mean here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    loopback: Annotated[frozenset[Role], LISTED] = frozenset({"operator", "finance"})
    user_header: str = "X-Forwarded-User"
    groups_header: str = "X-Forwarded-Groups"
    groups: dict[str, Role] = Field(default_factory=dict)
    tokens: Provider | None = None

    def local_password(self) -> str:
        """The password of this system's own tools, empty where none was drawn. Raises `SettingsWrong`."""
        said = self.password.get_secret_value() or (_read(self.password_file) if self.password_file else "")
        if said and len(said) < PASSWORD_CHARACTERS_MIN:
            raise SettingsWrong(f"access.password: at least {PASSWORD_CHARACTERS_MIN} characters, please")
        return said


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsWrong(f"access.password_file: {path}: {fault}") from None
