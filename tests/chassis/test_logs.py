"""What goes to a log: who a message is about does not, whoever words it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp import web

from chassis.logs import hush, logger, set_up

CANARY = "Zyxwanda"


@pytest.fixture
def capture(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """What this process writes, while it logs as a service does."""
    before = structlog.get_config()
    yield capfd
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def logged(capture: pytest.CaptureFixture[str]) -> tuple[str, list[dict[str, Any]]]:
    text = capture.readouterr().err
    return text, [json.loads(line) for line in text.splitlines()]


def test_what_others_say_is_logged_without_addresses(capture: pytest.CaptureFixture[str]) -> None:
    """A library's error, or its traceback; who gave a command stays, as that is what the line is for."""
    set_up("test")
    try:
        raise ValueError(f"input was {CANARY}@shop.example")
    except ValueError as fault:
        logger().exception("failed", error=repr(fault), by="ops@shop.example")
    text, (line,) = logged(capture)
    assert CANARY not in text
    assert line["error"] == "ValueError('input was ...')"
    assert "Traceback" in line["exception"]
    assert line["by"] == "ops@shop.example"


def test_a_line_that_is_about_no_story_does_not_claim_one(capture: pytest.CaptureFixture[str]) -> None:
    """A field that is there and empty would be found by whoever looks for lines with a story."""
    set_up("test")
    logger().info("command", correlation="")
    logger().info("command", correlation="command/1")
    _, (without, with_story) = logged(capture)
    assert "correlation" not in without
    assert with_story["correlation"] == "command/1"


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"POST /{CANARY} HTTP/9.9\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\n{CANARY}\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
    ],
)
async def test_a_request_that_is_no_http_is_told_without_its_bytes(
    request_bytes: str, capture: pytest.CaptureFixture[str]
) -> None:
    """They may be a customer's order, sent over a line that breaks it; and one line of JSON, not a traceback."""

    async def read(request: web.Request) -> web.Response:
        return web.json_response({"bytes": len(await request.read())})

    set_up("test")
    app = web.Application()
    app.router.add_post("/", read)
    served = web.AppRunner(app, access_log=None)
    await served.setup()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        await web.SockSite(served, listening).start()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(request_bytes.encode())
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        await served.cleanup()
    text, said = logged(capture)
    assert CANARY not in text
    assert [line["event"] for line in said] == ["request_unreadable"]


def test_other_faults_of_the_server_are_still_told() -> None:
    """The filter lets pass whatever is not about a request's bytes."""
    hush()
    server = logging.getLogger("aiohttp.server")
    record = server.makeRecord(
        server.name, logging.ERROR, __file__, 1, "broken", (), (OSError, OSError("x"), None)
    )
    assert server.filter(record)
