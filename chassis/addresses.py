"""Where a call to the outside may lead (SSRF): to the host that was configured, at an address that is outside.

Names are resolved once and the connection goes to the very address that was looked at, so that a name which leads
elsewhere a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Annotated

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from pydantic import BaseModel, ConfigDict

from chassis.settings import LISTED, section

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class AddressRefused(OSError):
    """The host leads where no call of ours may go; the text says where, and what to set if it is meant."""


class Outside(BaseModel):
    """The `[outbound]` table. `private_hosts`: hosts of ours that are asked although their addresses are private."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    private_hosts: Annotated[frozenset[str], LISTED] = frozenset()


class CheckedResolver(AbstractResolver):
    """Resolves one host and no other, and refuses addresses that are not for it."""

    def __init__(self, host: str, private_hosts: frozenset[str]) -> None:
        self._host = host
        self._private_hosts = private_hosts
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of the host. Raises `AddressRefused` if one of them is not for it."""
        if host != self._host:
            raise AddressRefused(f"{host} is not {self._host}, which alone was configured")
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            require_allowed(host, each["host"], self._private_hosts)
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()


def require_allowed(host: str, address: str, private_hosts: frozenset[str]) -> None:
    """Raises `AddressRefused` unless calls to this host may go to this address.

    Never to link-local ones, where clouds keep their secrets (169.254.169.254). To others that are not public only
    where the host is plainly this machine, or named in `[outbound] private_hosts`.
    """
    found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_link_local or found.is_multicast or found.is_unspecified:
        raise AddressRefused(f"{host} leads to {found}, where no call may go")
    if found.is_global or host in private_hosts or (found.is_loopback and host in LOCAL_NAMES):
        return
    raise AddressRefused(
        f"{host} leads to {found}, which is not public: if it is meant, name {host} in [outbound] private_hosts"
    )


def require_literal_allowed(host: str, private_hosts: frozenset[str]) -> None:
    """The same for a host that is written as an address, which nobody resolves."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    require_allowed(host, host, private_hosts)


def private_hosts() -> frozenset[str]:
    """Those of the settings. Raises `SettingsWrong`."""
    return section("outbound", Outside).private_hosts


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries: `::ffff:169.254.169.254`, 6to4 and NAT64 lead there too."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
