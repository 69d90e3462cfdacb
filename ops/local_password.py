"""The password of an embedded system: drawn at its first start, kept in its data folder for its owner only.

Commands on the same machine read it there; services and page are told where it is. In production it comes as
`DOORSTEP_ACCESS__PASSWORD_FILE`, and the file in the data folder is not looked at.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from chassis.access_settings import Access
from chassis.settings import section
from chassis.whole_file import draw_once

FILE_VARIABLE = "DOORSTEP_ACCESS__PASSWORD_FILE"


def place(data: Path) -> Path:
    """Where an embedded system keeps it."""
    return data / "access" / "password"


def drawn(data: Path) -> Path:
    """The file with the password, drawn now if it never was. Readable by its owner only."""
    path = place(data)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.is_file():
        draw_once(path, f"{secrets.token_urlsafe(32)}\n".encode())
    return path


def access_of(data: Path) -> Access:
    """The `[access]` table, with the data folder's password where it names none. Raises `SettingsWrong`."""
    said = section("access", Access)
    if said.password.get_secret_value() or said.password_file or not _is_readable(place(data)):
        return said
    return said.model_copy(update={"password_file": place(data)})


def password_for_services(data: Path) -> dict[str, str]:
    """What services are told of it; nothing where the settings already say it."""
    return {FILE_VARIABLE: str(file)} if (file := access_of(data).password_file) else {}


def _is_readable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)
