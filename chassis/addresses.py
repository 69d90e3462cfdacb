"""Where a call to the outside may lead (SSRF): to the host that was configured, at an address that is outside.

Names are resolved once and the connection goes to the very address that was looked at, so that a name which leads
elsewhere a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from pydantic import BaseModel, ConfigDict

from chassis.settings import LISTED, section

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network
type Place = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OWN_NAMES = (".corp", ".home", ".home.arpa", ".internal", ".intranet", ".lan", ".local", ".localhost", ".svc")
"""How names end that are a network's own: reserved (RFC 6761, 6762, 8375, ICANN's `internal`), or never given out."""
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
ISATAP = 0x5EFE
"""The third quarter of an ISATAP address (RFC 5214) without its two marks; the last one is an IPv4 address."""
STANDS_FOR_IPV4: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "::/96",  # IPv4-compatible (RFC 4291)
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291)
        "::ffff:0:0:0/96",  # SIIT (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
    )
)
NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "fd00:ec2::254/128",  # metadata of AWS
        "fd20:ce::254/128",  # of Google
        "100.100.100.200/32",  # of Alibaba
        "168.63.129.16/32",  # of Azure
        "192.0.0.192/32",  # of Oracle
        "192.88.99.0/24",  # relays of 6to4, given up (RFC 7526)
        "2001::/32",  # Teredo: carries IPv4 addresses, disguised (RFC 4380)
        "3fff::/20",  # documentation (RFC 9637)
        "5f00::/16",  # segment identifiers (RFC 9602)
        "fec0::/10",  # site-local, given up (RFC 3879)
    )
)
"""Where no call may go, whatever the settings say."""


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

    Never to link-local ones, where clouds keep their secrets (169.254.169.254), nor to those of `NEVER`. To others that
    are not public only where the host is plainly this machine, or named in `[outbound] private_hosts`.
    """
    for found in _meant_by(ipaddress.ip_address(address.partition("%")[0])):
        if found.is_link_local or found.is_multicast or found.is_unspecified or _is_in(NEVER, found):
            raise AddressRefused(f"{host} leads to {found}, where no call may go")
        if _is_public(found) or host in private_hosts or (found.is_loopback and host in LOCAL_NAMES):
            continue
        raise AddressRefused(
            f"{host} leads to {found}, which is not public: "
            f"if it is meant, name {host} in [outbound] private_hosts"
        )


def require_literal_allowed(host: str, private_hosts: frozenset[str]) -> None:
    """The same for a host that is written as an address, which nobody resolves."""
    if _is_address(host):
        require_allowed(host, host, private_hosts)


def private_hosts() -> frozenset[str]:
    """Those of the settings. Raises `SettingsWrong`."""
    return section("outbound", Outside).private_hosts


def with_own_host(host: str, private_hosts: frozenset[str]) -> frozenset[str]:
    """The private hosts, and this one if nobody but the operator can have meant it: an address, or a name that no
    public DNS has. For a relay or a collector, which a setting names and no order has a say in.
    """
    name = host.removesuffix(".").lower()
    is_own = _is_address(host) or "." not in name or name.endswith(OWN_NAMES)
    return private_hosts | {host} if is_own else private_hosts


def places_of(host: str, port: int, private_hosts: frozenset[str]) -> Sequence[Place]:
    """Where the host is, as `socket.getaddrinfo` has it. Blocks while its name is looked up.

    Raises `AddressRefused` if one of its addresses is not for it, `OSError` where it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        require_allowed(host, str(address[0]), private_hosts)
    return found


def connected(host: str, port: int, private_hosts: frozenset[str], seconds: float | None) -> socket.socket:
    """A TCP connection to the host, to the very address that was looked at. Blocks, `seconds` for each address at most.

    Raises `AddressRefused` if one of its addresses is not for it, `OSError` where none answers.
    """
    fault = OSError(f"{host} has no address")
    for *_, address in places_of(host, port, private_hosts):
        try:
            return socket.create_connection((str(address[0]), port), seconds)
        except OSError as away:
            fault = away
    raise fault


def _meant_by(address: Address) -> tuple[Address, ...]:
    """Where packets to it may end: an IPv4 address that an IPv6 one stands for, or both where it is one beside that."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if _is_in(STANDS_FOR_IPV4, address) and int(address) > 1:
        return (inner,)
    if address in LOCAL_NAT64 or (int(address) >> 32) & 0xFCFFFFFF == ISATAP:
        return (address, inner)
    return (address,)


def _is_public(address: Address) -> bool:
    return address.is_global and (address.version == 4 or address in GLOBAL_UNICAST)


def _is_in(table: tuple[Network, ...], address: Address) -> bool:
    return any(address in network for network in table)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
