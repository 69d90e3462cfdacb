"""The configuration file as the operators' side reads it: tables as they stand."""

from __future__ import annotations

import tomllib
from typing import Any

from contracts.services import SERVICES
from ops.console import CannotDo

TABLES = ("system", "shop", "channels", "access", "personal", "tls", "outbound", "traces", *SERVICES)
"""Every table that somebody reads."""


def configuration() -> dict[str, Any]:
    """All tables; none where there is no file. Raises `CannotDo` naming the file, and the line that is broken."""
    from chassis.settings import SettingsWrong, configuration_file  # `--help` does without

    try:
        path = configuration_file()
    except SettingsWrong as missing:
        raise CannotDo(str(missing)) from None
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CannotDo(f"{path} cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise CannotDo(f"{path} is not UTF-8 (byte {fault.start})") from None
    except tomllib.TOMLDecodeError as fault:
        raise CannotDo(f"{path} is not TOML: {fault}") from None


def table(name: str) -> dict[str, Any]:
    """One table, empty where it is not there. Raises as `configuration` does, and for a value of that name."""
    found = configuration().get(name, {})
    if not isinstance(found, dict):
        raise CannotDo(f"{name} is a table: write [{name}] and its values below it")
    return found
