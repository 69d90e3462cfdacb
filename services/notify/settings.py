"""The tables `[notify]` and, as far as messages need it, `[shop]` of `doorstep.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

type Address = Annotated[str, Field(pattern=r"^[^\s@<>]+@[A-Za-z0-9.-]+$", max_length=254)]


class Shop(BaseModel):
    """Who writes."""

    model_config = ConfigDict(frozen=True)

    name: str = "Doorstep"


class SmtpSettings(BaseModel):
    """`[notify.smtp]`: the server that takes our messages. The password belongs into
    `DOORSTEP_NOTIFY__SMTP__PASSWORD`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "localhost"
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    timeout_seconds: float = Field(default=30.0, gt=0, le=300)


AT_ONCE = {"maildir": 64, "smtp": 16}
"""Messages on the way at once: a maildir syncs them together, a mail server counts connections."""


class Settings(BaseModel):
    """`[notify]`. Embedded, messages go to a maildir under the data folder; `smtp` hands them to a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transport: Literal["maildir", "smtp"] = "maildir"
    maildir: Path = Path("mail")
    from_address: Address = "orders@shop.example"
    smtp: SmtpSettings = SmtpSettings()
    at_once: int | None = Field(default=None, ge=1, le=256)
    carrier_names: dict[str, str] = {}
