"""Calls to other people's servers over HTTP: bounded in time and in size, never redirected, and only to the host that
was configured, at an address where calls may go (`addresses.py`).

Whoever answers badly or not at all must not hold up a service: `NoAnswer` leaves it open whether the call did
anything, and it is asked about by its reference before it is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from chassis.addresses import AddressRefused, CheckedResolver, private_hosts, require_literal_allowed

ANSWER_BYTES_MAX = 1 << 20


class NoAnswer(Exception):
    """Not reached, too late, cut off or too long: the other side may have done what it was asked."""


class Outbound:
    """The way to one server. `open` and `close` frame its use; connections are made when they are needed.

    `total_seconds` bounds a whole exchange, `read_seconds` each silence in it.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_seconds: float,
        total_seconds: float,
        read_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = URL(url)
        self._host = self._url.host or ""
        self._private_hosts = frozenset[str]()
        self._headers = headers or {}
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, sock_connect=connect_seconds, sock_read=read_seconds
        )
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        self._private_hosts = private_hosts()
        connector = aiohttp.TCPConnector(resolver=CheckedResolver(self._host, self._private_hosts))
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=self._timeout, connector=connector
        )

    async def close(self) -> None:
        """Let all connections go."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, path: str, **request: Any) -> tuple[int, bytes]:
        """Status and body of the answer, whatever it says. `request` as aiohttp takes it. Raises `NoAnswer`."""
        if self._session is None:
            raise NoAnswer(f"the connections to {self._url} are not open")
        try:
            require_literal_allowed(self._host, self._private_hosts)
            async with self._session.request(
                method, self._url / path, allow_redirects=False, **request
            ) as answer:
                return answer.status, await _bounded(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as lost:
            raise NoAnswer(f"{method} {self._url / path}: {_why(lost)}") from lost


def _why(lost: Exception) -> str:
    """What went wrong; an address that was refused speaks for itself."""
    if isinstance(lost, aiohttp.ClientConnectorError) and isinstance(lost.os_error, AddressRefused):
        return str(lost.os_error)
    return f"{type(lost).__name__} {lost}".rstrip()


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in answer.content.iter_any():
        data += part
        if len(data) > ANSWER_BYTES_MAX:
            answer.close()
            raise NoAnswer(f"the answer of {answer.url.host} is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(data)
