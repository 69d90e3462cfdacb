"""The way to the collector of traces: OpenTelemetry's exporter speaks over it; it leads where `addresses.py` allows.

Imported only where traces are on.
"""

from __future__ import annotations

import socket
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from yarl import URL

from chassis.addresses import AddressRefused, connected, with_own_host


class CheckedWay(HTTPAdapter):
    """Connections to one host, at addresses that were looked at. `refused` says why the last one was not made."""

    def __init__(self, host: str, private_hosts: frozenset[str]) -> None:
        self.refused = ""
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
        self.refused = ""
        try:
            return connected(self._host, port, self._private_hosts, seconds)
        except AddressRefused as refused:
            self.refused = str(refused)
            raise


def session_to(url: str, private_hosts: frozenset[str]) -> tuple[Session, CheckedWay]:
    """A session that reaches this URL's host and no other, past any proxy of the environment. A redirect is a fault."""
    target = URL(url)
    host = target.raw_host or ""
    way = CheckedWay(host, with_own_host(host, private_hosts))
    session = Session()
    session.trust_env = False
    session.max_redirects = 0
    session.adapters.clear()
    for scheme in ("http://", "https://"):
        session.mount(scheme, way)
    return session, way
