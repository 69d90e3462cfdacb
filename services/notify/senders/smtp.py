"""SMTP. It cannot be asked what it took, so this border is at least once, not exactly once.

A message can go out twice only if the connection or this process dies between the server's acceptance of the
data and the commit of `NotificationSent`. The second copy has the same Message-ID, by which many mail systems
drop it. Everything before the final dot fails cleanly and is simply tried again.

Replies (RFC 5321, 4.2.1): 2xx sent; 4xx raises, to be tried again; 5xx about this message or its recipient is
a refusal for good; 5xx about our own login raises, because no message is to blame for that.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from aiohappyeyeballs import start_connection
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from chassis.addresses import places_of, private_hosts, with_own_host
from services.notify.domain.letters import Rejected, Sent
from services.notify.senders.sender import Message

OUR_OWN_FAULT = frozenset({530, 534, 535, 538})
"""Authentication required, too weak, failed (RFC 4954, 6): set the login right, then everything goes out."""

LOOKING_UP = ThreadPoolExecutor(4, "names")
"""Of its own: a name server that does not answer would keep the keys and the store's lock waiting for a thread."""
NEXT_ADDRESS_SECONDS = 0.25
"""So long one address of a server may be silent before the next is tried beside it (RFC 8305, section 8)."""
REASON_MAX = 300
"""Characters kept of a server's explanation."""


class NotTaken(Exception):
    """The server did not take the message now; it may later."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to hand messages in, and as whom. `security` is `tls` (465), `starttls` (587) or `none`."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    password: str
    timeout_seconds: float
    sender: str

    @property
    def own_name(self) -> str:
        """What we say in EHLO: the domain we send for."""
        return self.sender.rpartition("@")[2]


class Smtp:
    """A `Sender` to one server. Connections are kept and used again: as many as there are sends at once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._private_hosts = frozenset[str]()
        self._idle: list[SMTP] = []

    async def open(self) -> None:
        """Read which hosts may be inside. The server may be away at the start, and messages wait for it."""
        self._private_hosts = private_hosts()

    async def send(self, message: Message) -> Sent | Rejected:
        """One mail transaction. Raises `NotTaken` on 4xx, and whatever a broken connection raises."""
        content = await asyncio.to_thread(message.content)
        try:
            async with self._connection() as client:
                await client.sendmail(self._server.sender, [message.to], content)
        except (SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError) as refusal:
            return _verdict(refusal, message.to)
        return Sent(f"<{message.id}>")

    async def was_sent(self, message_id: str) -> bool | None:
        """SMTP has no such question."""
        return None

    async def close(self) -> None:
        """Say QUIT on what is idle."""
        while self._idle:
            await _say_quit(self._idle.pop())

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
        """A connection that is kept only if the transaction ended with an answer."""
        client = self._take_idle() or await self._connect()
        try:
            yield client
        except (SMTPResponseException, SMTPRecipientsRefused):
            self._idle.append(client)
            raise
        except BaseException:
            client.close()
            raise
        self._idle.append(client)

    def _take_idle(self) -> SMTP | None:
        while self._idle:
            client = self._idle.pop()
            if client.is_connected:
                return client
        return None

    async def _connect(self) -> SMTP:
        server = self._server
        async with asyncio.timeout(server.timeout_seconds):
            reached = await self._reached()
        client = SMTP(
            hostname=server.host,
            sock=reached,
            username=server.username or None,
            password=server.password or None,
            timeout=server.timeout_seconds,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            local_hostname=server.own_name,
        )
        await client.connect()
        return client

    async def _reached(self) -> socket.socket:
        host, port = self._server.host, self._server.port
        private = with_own_host(host, self._private_hosts)
        loop = asyncio.get_running_loop()
        places = await loop.run_in_executor(LOOKING_UP, places_of, host, port, private)
        return await start_connection(places, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS)


def _verdict(refusal: SMTPSenderRefused | SMTPRecipientsRefused | SMTPDataError, to: str) -> Rejected:
    """A refusal for good; raises `NotTaken` where trying again can help."""
    reply = refusal.recipients[0] if isinstance(refusal, SMTPRecipientsRefused) else refusal
    if reply.code < 500 or reply.code in OUR_OWN_FAULT:
        raise NotTaken(f"{reply.code} {reply.message}") from refusal
    said = " ".join(reply.message.replace(to, "the recipient").split())
    return Rejected(f"{reply.code} {said}"[:REASON_MAX])


async def _say_quit(client: SMTP) -> None:
    try:
        await client.quit()
    except (SMTPException, OSError):
        client.close()
