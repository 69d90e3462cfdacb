"""What a command costs before it does anything: a person waits for what it imports, whenever they type it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.ops.running import REPOSITORY

RUN_AND_TELL = """
import sys
from ops.__main__ import main
try:
    main(prog_name="doorstep")
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
NOT_TO_ASK = {
    "cryptography",
    "eventsourcing",
    "faststream",
    "jinja2",
    "jwt",
    "msgspec",
    "nats",
    "psycopg",
    "reportlab",
    "services",
    "structlog",
}
"""Not needed to ask a service over HTTP."""
NOT_TO_HELP = NOT_TO_ASK | {"aiohttp", "asyncio", "chassis", "pydantic"}
"""Not needed to say which commands there are."""


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [(["--help"], NOT_TO_HELP), (["status", "--data", "nowhere", "--port-base", "9"], NOT_TO_ASK)],
    ids=["help", "status"],
)
def test_only_what_is_needed_is_imported(arguments: list[str], unwanted: set[str]) -> None:
    """Each of them costs a tenth of a second or more. Commands import what they work with when they are called."""
    command = [sys.executable, "-c", RUN_AND_TELL, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    imported = set(done.stderr.splitlines()[-1].split())
    assert {"ops", "typer"} <= imported
    assert imported & unwanted == set()
