"""A port that somebody else has is named, with what to do: between looking for a free one and using it, it may go."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from aiohttp import web

from chassis.tls import CannotListen, listen

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


async def test_a_taken_port_is_said_in_one_line_with_what_to_do(taken: int) -> None:
    """It is the last line of the service's log, and what `doorstep up` ends with."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        with pytest.raises(CannotListen) as told:
            await listen(runner, HOST, taken)
    finally:
        await runner.cleanup()
    assert str(told.value) == (
        f"port {taken} of {HOST} cannot be listened on (Address already in use): stop what uses it, or choose other "
        "ports with --port-base N (DOORSTEP_SYSTEM__PORT_BASE)"
    )
