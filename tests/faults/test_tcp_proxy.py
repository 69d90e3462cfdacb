"""The bad network itself: each kind of weather really does what it says, to real connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.conftest import eventually
from tests.faults.tcp_proxy import CUT_OFF, FAIR, HOST, Proxy, Way, Weather, proxy_before

HELLO = b'CONNECT {"name":"%s"}\r\n'
PATIENCE_SECONDS = 10.0
QUIET_SECONDS = 0.3
"""For how long nothing must arrive before it counts as silence."""


class Echo:
    """A server that says everything back. `ended` counts connections that are over."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self.heard = b""
        self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while said := client.recv(65_536):
                self.heard += said
                client.sendall(said)
        self.ended += 1


@pytest.fixture
def echo() -> Iterator[Echo]:
    """The other side."""
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    """Fair weather before it."""
    with proxy_before(echo.port) as between:
        yield between


def client(proxy: Proxy, name: str = "tester") -> socket.socket:
    """Connected and introduced: the proxy knows its name."""
    line = socket.create_connection((HOST, proxy.port), timeout=PATIENCE_SECONDS)
    hello = HELLO % name.encode()
    line.sendall(hello)
    assert hear(line, len(hello)) == hello
    return line


def hear(line: socket.socket, count: int) -> bytes:
    """So many bytes, or what came before the end."""
    heard = b""
    while len(heard) < count and (more := line.recv(count - len(heard))):
        heard += more
    return heard


def hears_nothing(line: socket.socket) -> bool:
    """Whether it is silent for a while, and not at its end."""
    line.settimeout(QUIET_SECONDS)
    try:
        return line.recv(1) is None
    except TimeoutError:
        return True
    finally:
        line.settimeout(PATIENCE_SECONDS)


def test_fair_weather_changes_no_byte(proxy: Proxy) -> None:
    """A million bytes come back as they went; an end is passed on."""
    said = bytes(range(256)) * 4096
    with client(proxy) as line:
        threading.Thread(target=line.sendall, args=(said,), daemon=True).start()
        assert hear(line, len(said)) == said
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    assert proxy.seen.links == 1
    assert proxy.seen.passed_bytes[Way.THERE] == proxy.seen.passed_bytes[Way.BACK] >= len(said)


def test_delay_holds_each_way(proxy: Proxy) -> None:
    """There and back: twice the delay, and no byte overtakes another."""
    with client(proxy) as line:
        proxy.let(Weather(delay_seconds=(0.1, 0.15)))
        started = time.monotonic()
        for piece in (b"one ", b"two ", b"three"):
            line.sendall(piece)
        assert hear(line, 13) == b"one two three"
        assert time.monotonic() - started >= 0.2


def test_slices_and_bandwidth(proxy: Proxy) -> None:
    """One byte a packet, and no more of them than the line takes."""
    with client(proxy) as line:
        before, started = proxy.seen.slices, time.monotonic()
        proxy.let(Weather(slice_bytes=1, bytes_per_second=1_000))
        line.sendall(b"x" * 200)
        assert hear(line, 200) == b"x" * 200
        assert proxy.seen.slices - before >= 400 - 2  # what was under way before may end with it
        assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("way", Way)
def test_silence_in_one_direction_keeps_what_was_said(proxy: Proxy, echo: Echo, way: Way) -> None:
    """One way only: the server hears it or does not; what was said arrives once the way is open."""
    with client(proxy) as line:
        known = len(echo.heard)
        proxy.let(Weather(silent=frozenset({way})))
        line.sendall(b"hello")
        assert hears_nothing(line)
        assert (len(echo.heard) > known) == (way is Way.BACK)
        assert proxy.seen.held_pieces == {way: 1}
        proxy.heal()
        assert hear(line, 5) == b"hello"


def test_one_name_is_cut_off_and_the_others_talk_on(proxy: Proxy) -> None:
    """A partition of one service; its end is not told either."""
    with client(proxy, "lonely") as lonely, client(proxy, "other") as other:
        proxy.let(CUT_OFF, "lonely")
        for line in (lonely, other):
            line.sendall(b"ping")
        assert hear(other, 4) == b"ping"
        assert hears_nothing(lonely)
        proxy.let(FAIR, "lonely")
        assert hear(lonely, 4) == b"ping"


def test_a_cut_resets_both_ends(proxy: Proxy, echo: Echo) -> None:
    """No goodbye, at either end; and only for the name that is meant."""
    with client(proxy, "victim") as victim, client(proxy, "other") as other:
        assert proxy.cut("victim") == 1
        with pytest.raises(ConnectionResetError):
            victim.recv(1)
        eventually(lambda: echo.ended == 1, PATIENCE_SECONDS, "the server sees it, too")
        other.sendall(b"still here")
        assert hear(other, 10) == b"still here"
    assert proxy.seen.cut == 1


def test_half_open_tells_only_the_server(proxy: Proxy, echo: Echo) -> None:
    """The client may talk: nobody is there, and nothing says so."""
    with client(proxy) as line:
        assert proxy.abandon() == 1
        eventually(lambda: echo.ended == 1, PATIENCE_SECONDS, "the server sees its end")
        line.sendall(b"is anybody there?")
        assert hears_nothing(line)
        assert b"anybody" not in echo.heard
    assert proxy.seen.abandoned == 1


def test_whoever_connects_is_refused(proxy: Proxy) -> None:
    """The listener's machine is up, its port is not."""
    proxy.let(Weather(refuses=True))
    with socket.create_connection((HOST, proxy.port), timeout=PATIENCE_SECONDS) as line:
        with suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(b"hello")
            assert line.recv(1) == b""
        assert proxy.seen.refused == 1
