"""TLS on our own ports, and towards them: by settings, for services, standby and page alike."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from chassis.settings import SettingsWrong, section

BACKLOG = 128
"""Connections that the system keeps for us until they are accepted."""


class Tls(BaseModel):
    """The `[tls]` table, each value also as `DOORSTEP_TLS__…`: files in PEM.

    `cert_file` and `key_file` make every port of ours speak TLS 1.3 only. `ca_file` says who signs the certificates of
    the services we ask; `client_ca_file` lets in only who shows a certificate of that authority.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    client_ca_file: Path | None = None

    @model_validator(mode="after")
    def _both_halves(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("give cert_file and key_file, or neither")
        if self.client_ca_file and not self.cert_file:
            raise ValueError("client_ca_file needs cert_file and key_file")
        return self

    @property
    def scheme(self) -> str:
        """How our own ports are spoken to."""
        return "https" if self.cert_file else "http"

    def server(self) -> ssl.SSLContext | None:
        """For our ports; None is plain HTTP. Raises `SettingsWrong` naming a file that cannot be used."""
        if self.cert_file is None:
            return None
        context = _newest(ssl.Purpose.CLIENT_AUTH, None)
        _prove(context, self)
        if self.client_ca_file:
            _believe(context, self.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> ssl.SSLContext | bool:
        """For asking our services: what aiohttp takes as `ssl`. Raises `SettingsWrong`."""
        if self.ca_file is None:
            return True
        context = _newest(ssl.Purpose.SERVER_AUTH, self.ca_file)
        if self.cert_file:
            _prove(context, self)
        return context


def tls() -> Tls:
    """The table as configured. Raises `SettingsWrong`."""
    return section("tls", Tls)


class CannotListen(OSError):
    """A port that cannot be served on: the message names it, why, and what to do."""


async def listening(speaker: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    """Serve on a port: with TLS where it is configured, and then with nothing else. Raises `CannotListen`."""
    loop, encrypted = asyncio.get_running_loop(), tls().server()
    try:
        return await loop.create_server(speaker, host, port, ssl=encrypted, backlog=BACKLOG)
    except OSError as fault:
        why = os.strerror(fault.errno) if fault.errno else str(fault)
        raise CannotListen(
            f"port {port} of {host} cannot be listened on ({why}): stop what uses it, or choose other ports with "
            "--port-base N (DOORSTEP_SYSTEM__PORT_BASE)"
        ) from None


def _newest(purpose: ssl.Purpose, authority: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose) if authority is None else _trusting(purpose, authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _trusting(purpose: ssl.Purpose, authority: Path) -> ssl.SSLContext:
    """This authority alone is believed, none of the system's."""
    try:
        return ssl.create_default_context(purpose, cafile=authority)
    except OSError as fault:
        raise SettingsWrong(f"tls: {authority}: {fault}") from None


def _believe(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except OSError as fault:
        raise SettingsWrong(f"tls.client_ca_file: {authority}: {fault}") from None


def _prove(context: ssl.SSLContext, said: Tls) -> None:
    assert said.cert_file is not None
    try:
        context.load_cert_chain(said.cert_file, said.key_file)
    except OSError as fault:
        raise SettingsWrong(f"tls: {said.cert_file}, {said.key_file}: {fault}") from None
