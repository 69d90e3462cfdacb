"""A port that is opened once: whoever comes while the applications change is answered, or cut off at once."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from chassis.port import Port
from chassis.tls import CannotListen
from deploy.certificates import issue
from tests.conftest import free_port

HOST = "127.0.0.1"
CHANGES = 150
ENDED_WITHIN_SECONDS = 5.0
ASKED = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """As in a service, where it comes by so seldom that nobody can wait for it."""
    gc.disable()
    yield
    gc.enable()


def saying(word: str, after: asyncio.Event | None = None) -> web.Application:
    """An application that answers everything with this word, as soon as it may."""

    async def say(_: web.Request) -> web.Response:
        if after is not None:
            await after.wait()
        return web.Response(text=word)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", say)
    return app


async def ask(port: int, encrypted: ssl.SSLContext | None = None) -> bytes:
    """The end of what was answered; nothing, where the connection was closed instead."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port, ssl=encrypted)
        writer.write(ASKED)
        answer = await reader.read()
        writer.close()
    except ConnectionResetError:
        return b""
    return answer.rpartition(b"\r\n\r\n")[2]


async def test_a_taken_port_is_said_in_one_line_with_what_to_do(taken: int) -> None:
    """It is the last line of the service's log, and what `doorstep up` ends with."""
    async with Port(HOST, taken) as port:
        with pytest.raises(CannotListen) as told:
            await port.answers_with(saying("hello"))
    assert str(told.value) == (
        f"port {taken} of {HOST} cannot be listened on (Address already in use): stop what uses it, or choose other "
        "ports with --port-base N (DOORSTEP_SYSTEM__PORT_BASE)"
    )


async def test_nobody_waits_in_vain_while_the_applications_change(no_collector: None) -> None:
    """Whoever comes in that very moment gets an answer or a closed connection; the port is never shut."""
    async with Port(HOST, free_port()) as port:
        await port.answers_with(saying("0"))
        asked = list[asyncio.Task[bytes]]()
        for turn in range(1, CHANGES):
            asked += [asyncio.create_task(ask(port.number)) for _ in range(3)]
            for _ in range(turn % 7):
                await asyncio.sleep(0)
            await port.answers_with(saying(str(turn)))
        done, waiting = await asyncio.wait(asked, timeout=ENDED_WITHIN_SECONDS)
        assert not waiting, f"{len(waiting)} of {len(asked)} wait in vain"
        answered = [int(task.result()) for task in done if task.result()]
        assert len(answered) > CHANGES
        assert await ask(port.number) == str(CHANGES - 1).encode()


async def test_what_has_begun_is_answered_by_whom_it_was_asked() -> None:
    """The one before ends its work, while the next one already answers."""
    may_answer = asyncio.Event()
    async with Port(HOST, free_port()) as port:
        await port.answers_with(saying("before", may_answer), patience_seconds=ENDED_WITHIN_SECONDS)
        early = asyncio.create_task(ask(port.number))
        await asyncio.sleep(0.1)
        changing = asyncio.create_task(port.answers_with(saying("after")))
        await asyncio.sleep(0.1)
        assert await ask(port.number) == b"after"
        may_answer.set()
        assert await early == b"before"
        await changing


async def test_a_connection_is_the_next_ones_if_it_proves_itself_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS takes its time: who has not ended it when the applications change meets the new one."""
    made = issue(("localhost",))
    for name, text in (("cert_file", made.certificate), ("key_file", made.key)):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(f"DOORSTEP_TLS__{name.upper()}", str(tmp_path / name))
    trusting = ssl.create_default_context(cadata=made.authority)
    async with Port(HOST, free_port()) as port:
        await port.answers_with(saying("before"))
        reader, writer = await asyncio.open_connection(HOST, port.number)
        await asyncio.sleep(0.1)
        await port.answers_with(saying("after"))
        await writer.start_tls(trusting, server_hostname="localhost")
        writer.write(ASKED)
        assert (await reader.read()).endswith(b"after")
