"""A proxy before PostgreSQL that cuts the connection at the worst moment: when a transaction is to be committed."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from psycopg.conninfo import conninfo_to_dict, make_conninfo

COMMIT, INSERT = b"COMMIT", b"INSERT"
RESET = struct.pack("ii", 1, 0)
"""Closing does not say goodbye."""
_LAST_WORDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0"
LAST_WORDS = b"E" + struct.pack("!i", 4 + len(_LAST_WORDS)) + _LAST_WORDS
"""An ErrorResponse, as every session says it whose postmaster was killed."""


class Cut(Enum):
    """What became of the COMMIT whose connection was cut."""

    UNSENT = "never reached the server"
    UNANSWERED = "was done, and nobody was told"
    UNDER_WAY = "reached the server, which may still be at it"
    DISMISSED = "was done and answered, and the server had only last words for what was said next"


class Cutter:
    """Passes everything on, until it is told to cut at the next COMMIT. `cuts` proves that it did.

    While it is `away` nobody can connect anew. One connection can be made `deaf`: it stands, and nothing is read of it.
    """

    def __init__(self, url: str) -> None:
        self._server = conninfo_to_dict(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._next: Cut | None = None
        self.cuts = 0
        self.away = False
        self._is_next_deaf = False
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The database, by way of this proxy."""
        host, port = self._listener.getsockname()
        return make_conninfo(**{**self._server, "host": host, "port": port, "sslmode": "disable"})

    def cut_next(self, how: Cut) -> None:
        self._next = how

    def deafen_next(self) -> None:
        """The next one, from the first INSERT on."""
        self._is_next_deaf = True

    def close(self) -> None:
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.away:
                client.close()
                continue
            threading.Thread(target=self._pass_on, args=(client, self._connect()), daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with client, server:
            while True:
                for side in select.select(list(other), (), ())[0]:
                    said = _receive(side)
                    if side is client and INSERT in said and self._is_next_deaf:
                        self._is_next_deaf = False
                        self.cuts += 1
                        self._closed.wait()
                        return
                    if side is client and COMMIT in said and self._next is not None:
                        self._cut(said, client, server)
                        return
                    if not said:
                        return
                    other[side].sendall(said)

    def _cut(self, said: bytes, client: socket.socket, server: socket.socket) -> None:
        how, self._next = self._next, None
        if how is not Cut.UNSENT:
            server.sendall(said)
        answer = b""
        if how in (Cut.UNANSWERED, Cut.DISMISSED):
            answer = server.recv(65_536)
            assert answer
        self.cuts += 1
        if how is Cut.DISMISSED:
            client.sendall(answer)
            assert client.recv(65_536)
            client.sendall(LAST_WORDS)
            client.shutdown(socket.SHUT_WR)
        else:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _receive(side: socket.socket) -> bytes:
    try:
        return side.recv(65_536)
    except ConnectionError:
        return b""


@contextmanager
def cutter(url: str) -> Iterator[Cutter]:
    """One before the database at `url`."""
    proxy = Cutter(url)
    yield proxy
    proxy.close()
