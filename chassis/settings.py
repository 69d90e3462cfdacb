"""Settings: one `doorstep.toml`, every value overridable by `DOORSTEP_<TABLE>__<FIELD>`.

Secrets come from the environment.
`DOORSTEP_CONFIG` names another file. A wrong value stops the start with the field and what is wrong with it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from chassis.first_fault import Fault, first_fault
from chassis.names import CELL_FORM
from contracts.identifiers import Currency

DEFAULT_PORT_BASE = 8080
NATS_PORT = 8
"""Offsets from the port base: page 0, services 1-5, sandbox gateway 6, sandbox carrier 7, nats 8, its monitor 9."""
SERVICE_PORTS = {"orders": 1, "inventory": 2, "shipping": 3, "billing": 4, "notify": 5}
GATEWAY_PORT, CARRIER_PORT, NATS_MONITOR_PORT = 6, 7, 9


def _words(said: Any) -> Any:
    return [word for each in said.split(",") if (word := each.strip())] if isinstance(said, str) else said


LISTED = BeforeValidator(_words)
"""For a list or set of words: in the environment they stand in one text, with commas."""


def _by_currency(said: Any) -> Any:
    return {str(code).upper(): amount for code, amount in said.items()} if isinstance(said, dict) else said


type Limits = Annotated[dict[Currency, Annotated[int, Field(ge=0)]], BeforeValidator(_by_currency)]
"""Amounts by currency, in minor units. The environment knows no capitals: `…__EUR` and `…__eur` are the same."""


class SettingsWrong(Exception):
    """A setting has a value that cannot be used; the message names it."""


def configuration_file() -> Path:
    """`DOORSTEP_CONFIG`, or `doorstep.toml` here, which need not be there. Raises `SettingsWrong` where the named one
    is not.
    """
    named = os.environ.get("DOORSTEP_CONFIG", "")
    if named and not Path(named).exists():
        raise SettingsWrong(f"DOORSTEP_CONFIG: there is no file {named}")
    return Path(named or "doorstep.toml")


class _Layers(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="DOORSTEP_", env_nested_delimiter="__", extra="ignore", case_sensitive=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, TomlConfigSettingsSource(settings_cls, configuration_file()))


def section[M](name: str, model: type[M]) -> M:
    """Table `[name]` of the configuration as `model` (a pydantic model, or a type such as `dict[str, Channel]`).

    Raises `SettingsWrong` naming the field and the value's fault.
    """
    layers = create_model(
        f"Table_{name}", __base__=_Layers, **{name: (dict[str, Any], Field(default_factory=dict))}
    )  # type: ignore[call-overload]
    values = getattr(layers(), name)
    try:
        return TypeAdapter(model).validate_python(values)
    except ValidationError as wrong:
        raise SettingsWrong(_in_words(name, first_fault(wrong))) from None


def _in_words(name: str, fault: Fault) -> str:
    """With the value, unless it is a table: that may hold a secret."""
    said = f"{fault.below(name)}: {fault.says}"
    return said if isinstance(fault.value, (dict, list)) else f"{said} (got {fault.value!r})"


class System(BaseModel):
    """Where this system lives. `cell` prefixes streams, subjects and databases; `default` adds nothing.

    `peers` is where a standby finds the active process: a name that resolves to all of them (chassis/standby.py).
    A service that has not got through to the bus `bus_within_seconds` after its start ends, to be started again. Where
    whoever starts it lets it wait longer every time, as a kubelet does, it had better wait itself: it says so meanwhile
    (chassis/starting.py).
    """

    data: Path = Path("var")
    port_base: int = Field(default=DEFAULT_PORT_BASE, ge=1, le=65_000)
    host: str = "127.0.0.1"
    peers: str = ""
    nats_url: str = ""
    database_url: str = ""
    cell: str = Field(default="default", pattern=CELL_FORM)
    log_format: Literal["json", "human"] = "json"
    bus_within_seconds: float = Field(default=10.0, gt=0)

    def port_of(self, service: str) -> int:
        """The service's HTTP port."""
        return self.port_base + SERVICE_PORTS[service]


@cache
def system() -> System:
    """The `[system]` table, with `DOORSTEP_NATS_URL` and `DOORSTEP_DATABASE_URL` on top."""
    found = section("system", System)
    return found.model_copy(
        update={
            "nats_url": os.environ.get("DOORSTEP_NATS_URL")
            or found.nats_url
            or f"nats://127.0.0.1:{found.port_base + NATS_PORT}",
            "database_url": os.environ.get("DOORSTEP_DATABASE_URL") or found.database_url,
        }
    )
