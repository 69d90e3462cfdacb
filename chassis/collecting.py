"""The way to the collector of traces: OpenTelemetry's exporter speaks over it; it leads where `addresses.py` allows.

Imported only where traces are on.
"""

from __future__ import annotations

import socket
from typing import Any

from requests import PreparedRequest, RequestException, Response, Session, TooManyRedirects
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from yarl import URL

from chassis.addresses import AddressRefused, connected, with_own_host


class CheckedWay(HTTPAdapter):
    """Connections to one host, at addresses that were looked at. `trouble` is why nothing was taken, last time."""

    def __init__(self, host: str, private_hosts: frozenset[str]) -> None:
        self.trouble = ""
        self._host, self._private_hosts = host, private_hosts
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **more: Any) -> None:
        """The pools of urllib3, with connections of ours."""
        super().init_poolmanager(*sizes, **more)
        way = self

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return way.connect(self.port, self.timeout)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return way.connect(self.port, self.timeout)

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
        }

    def connect(self, port: int, seconds: float | None) -> socket.socket:
        """A connection, or `AddressRefused`."""
        try:
            return connected(self._host, port, self._private_hosts, seconds)
        except AddressRefused as refused:
            self.trouble = str(refused)
            raise

    def send(self, request: PreparedRequest, *how: Any, **more: Any) -> Response:
        """One request, and what came of it."""
        self.trouble = ""
        try:
            answer = super().send(request, *how, **more)
        except RequestException as fault:
            self.trouble = self.trouble or type(fault).__name__
            raise
        if 300 <= answer.status_code < 400:  # without a Location it would pass for one that has taken them
            self.trouble = (
                f"it redirects ({answer.status_code}), which is not followed: set the URL it leads to"
            )
            raise TooManyRedirects(self.trouble, response=answer)
        if not answer.ok:
            self.trouble = f"it answers {answer.status_code}"
        return answer


def session_to(url: str, private_hosts: frozenset[str]) -> tuple[Session, CheckedWay]:
    """A session that reaches this URL's host and no other, past any proxy of the environment. A redirect is a fault."""
    target = URL(url)
    host = target.raw_host or ""
    way = CheckedWay(host, with_own_host(host, private_hosts))
    session = Session()
    session.trust_env = False
    session.adapters.clear()
    for scheme in ("http://", "https://"):
        session.mount(scheme, way)
    return session, way
