"""SMTP, against a real server: what is sent, what is refused for good, and what is tried again."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtplib import SMTPAuthenticationError, SMTPException

from deploy.certificates import issue
from services.notify.domain.letters import Rejected, Sent
from services.notify.senders import smtp
from services.notify.senders.smtp import NotTaken, Server, Smtp
from tests.suites.sender_suite import SHOP, MailSystem, SenderSuite, message


@dataclass
class Exchange:
    """A mail server that can be told what to answer at which step (`RCPT`, `DATA`), or to hang up."""

    answers: dict[str, str] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)
    hang_up_after_data: bool = False
    connections: int = 0
    port: int = 0
    require_login: bool = False
    certified: ssl.SSLContext | None = None
    security: str = "none"
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        at_once = self.certified if self.security == "tls" else None
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, "127.0.0.1", self.port, ssl=at_once
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self._server.close_clients()
        await self._server.wait_closed()

    def _protocol(self) -> SMTP:
        self.connections += 1
        return SMTP(
            self,
            hostname="mx.example",
            auth_required=self.require_login,
            auth_require_tls=False,
            authenticator=self._knows,
            enable_SMTPUTF8=False,
            tls_context=self.certified if self.security == "starttls" else None,
        )

    def _knows(self, _server: Any, _session: Any, _envelope: Any, _how: str, login: Any) -> AuthResult:
        assert isinstance(login, LoginPassword)
        return AuthResult(success=login.password == b"right", handled=False)

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Envelope, to: str, options: Any) -> str:
        if answer := self.answers.get("RCPT"):
            return answer
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if answer := self.answers.get("DATA"):
            return answer
        self.envelopes.append(envelope)
        if self.hang_up_after_data:
            server.transport.abort()
        return "250 OK"

    def contents(self) -> list[bytes]:
        return [bytes(envelope.content or b"") for envelope in self.envelopes]


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    server = Exchange()
    await server.start()
    yield server
    await server.stop()


def server_at(exchange: Exchange) -> Server:
    return Server("127.0.0.1", exchange.port, "none", "", "", timeout_seconds=5, sender=SHOP.address)


@pytest.fixture
async def mail(exchange: Exchange) -> AsyncIterator[MailSystem]:
    sender = Smtp(server_at(exchange))
    await sender.open()
    yield MailSystem(sender, exchange.contents)
    await sender.close()


class TestSmtp(SenderSuite):
    """The common behaviour."""


async def test_the_envelope_names_us_and_the_recipient(mail: MailSystem, exchange: Exchange) -> None:
    """Bounces come back to the shop's address."""
    await mail.sender.send(message())
    (envelope,) = exchange.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SHOP.address, ["ada@example.com"])


async def test_a_connection_is_used_again(mail: MailSystem, exchange: Exchange) -> None:
    """Greeting, login and TLS are paid once, not once per message."""
    for part in ("a", "b", "c"):
        await mail.sender.send(message(part))
    assert (len(exchange.envelopes), exchange.connections) == (3, 1)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_permanent_refusal_fails_with_its_reason_and_without_the_address(
    mail: MailSystem, exchange: Exchange, step: str
) -> None:
    """The reason goes into an event: it must not carry personal data."""
    exchange.answers[step] = "550 5.1.1 <ada@example.com> user unknown"
    assert await mail.sender.send(message()) == Rejected("550 5.1.1 <the recipient> user unknown")
    assert exchange.envelopes == []


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_refusal_for_now_is_no_answer(mail: MailSystem, exchange: Exchange, step: str) -> None:
    """Greylisting and full queues pass; the next try on the same connection goes through."""
    exchange.answers[step] = "451 4.7.1 come back later"
    with pytest.raises(NotTaken, match="451"):
        await mail.sender.send(message())
    exchange.answers.clear()
    assert isinstance(await mail.sender.send(message()), Sent)
    assert exchange.connections == 1


async def test_an_answer_lost_after_the_data_is_no_answer(mail: MailSystem, exchange: Exchange) -> None:
    """The one window in which a message can go out twice: the second copy has the same Message-ID."""
    exchange.hang_up_after_data = True
    with pytest.raises(SMTPException):
        await mail.sender.send(message())
    exchange.hang_up_after_data = False
    assert await mail.sender.was_sent(message().id) is None
    await mail.sender.send(message())
    assert len({m["Message-ID"] for m in mail.messages()}) == 1


async def test_a_server_that_is_away_is_no_answer_and_then_it_is_back(
    mail: MailSystem, exchange: Exchange
) -> None:
    """Idle connections of before the restart are not trusted."""
    await mail.sender.send(message("a"))
    await exchange.stop()
    with pytest.raises((SMTPException, OSError)):
        await mail.sender.send(message("b"))
    await exchange.start()
    assert isinstance(await mail.sender.send(message("b")), Sent)


async def test_a_wrong_password_blames_no_message(exchange: Exchange) -> None:
    """Our own mistake: every message waits until the setting is right."""
    exchange.require_login = True
    sender = Smtp(replace(server_at(exchange), username="shop", password="wrong"))
    with pytest.raises(SMTPAuthenticationError):
        await sender.send(message())
    sender = Smtp(replace(server_at(exchange), username="shop", password="right"))
    assert isinstance(await sender.send(message()), Sent)
    await sender.close()


async def test_a_server_that_wants_a_login_blames_no_message(exchange: Exchange) -> None:
    """530 says that we did not log in, not that the message is wrong."""
    exchange.require_login = True
    with pytest.raises(NotTaken, match="530"):
        await Smtp(server_at(exchange)).send(message())


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("named", ["localhost", "mx.stranger.example"])
async def test_over_tls_the_server_is_who_the_setting_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: Literal["tls", "starttls"], named: str
) -> None:
    """The address is looked at before, and the name in the certificate after: one does not replace the other."""
    for name, text in zip(("ca.crt", "tls.crt", "tls.key"), issue((named,)), strict=True):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    certified = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certified.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server = Exchange(certified=certified, security=security)
    await server.start()
    sender = Smtp(replace(server_at(server), host="localhost", security=security))
    try:
        if named == "localhost":
            assert isinstance(await sender.send(message()), Sent)
        else:
            with pytest.raises((SMTPException, OSError), match=r"(?i)certificate"):
                await sender.send(message())
            assert server.envelopes == []
    finally:
        await sender.close()
        await server.stop()


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that neither takes nor refuses us: its queue of callers is full."""
    with ExitStack() as open_sockets:
        server = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for caller in (socket.socket(), socket.socket()):
            open_sockets.enter_context(caller).setblocking(False)
            caller.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def leads_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """The server's name has so many addresses."""
    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(smtp, "places_of", lambda *_: places)


async def test_a_server_of_two_addresses_is_reached_by_the_one_that_answers(
    exchange: Exchange, deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8305: the next one is tried beside the first, long before that has run out of time."""
    leads_to(monkeypatch, deaf, exchange.port)
    sender = Smtp(replace(server_at(exchange), timeout_seconds=60))
    async with asyncio.timeout(10):
        assert isinstance(await sender.send(message()), Sent)
    await sender.close()
    assert len(exchange.envelopes) == 1


async def test_a_server_none_of_whose_addresses_answers_is_given_up(
    exchange: Exchange, deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for all of them together."""
    leads_to(monkeypatch, deaf, deaf, deaf)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await Smtp(replace(server_at(exchange), timeout_seconds=1)).send(message())
    assert time.monotonic() - began < 2.5


STOPPED = """
import asyncio, socket
from contextlib import suppress
from services.notify.senders.smtp import Server, Smtp
from tests.suites.sender_suite import message

deaf, *callers = socket.create_server(("127.0.0.1", 0), backlog=0), socket.socket(), socket.socket()
for caller in callers:
    caller.setblocking(False)
    caller.connect_ex(deaf.getsockname())

async def main():
    server = Server("127.0.0.1", deaf.getsockname()[1], "none", "", "", 60, "shop@shop.example")
    sending = asyncio.create_task(Smtp(server).send(message()))
    print("waited", not (await asyncio.wait([sending], timeout=0.5))[0])
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending

asyncio.run(main())
"""


async def test_whoever_stops_while_a_server_is_deaf_does_not_wait_for_it() -> None:
    """Its queue of callers is full: it neither takes nor refuses us. No thread keeps the process alive."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPPED, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        said, _ = await process.communicate()
    assert (said, process.returncode) == (b"waited True\n", 0)
