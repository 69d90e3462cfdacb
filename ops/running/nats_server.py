"""The embedded bus: the real nats-server with JetStream, configured so that what it acknowledged is on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from ops.console import CannotDo
from ops.running.preflight import nats_server_binary
from ops.running.processes import Part, last_line
from ops.system import HOST, System

HEALTHY_WITHIN_SECONDS = 30.0
MAX_PAYLOAD_BYTES = 2 * 1024 * 1024
"""A webhook body may have 1 MiB; its headers need room beside it."""
MAX_FILE_STORE = "2TB"
"""Room for the limits that the streams declare; what really bounds an embedded system is its disk."""

CONFIGURATION = """\
server_name: doorstep
listen: "{host}:{port}"
http: "{host}:{monitor}"
max_payload: {max_payload}
jetstream {{
    store_dir: "{store}"
    sync_interval: always
    max_file_store: {max_file_store}
}}
# The Python client's ordered consumers understand only the first form of acknowledgement subjects.
feature_flags {{ js_ack_fc_v2: false }}
"""


def nats_part(system: System) -> Part:
    """nats-server as a process to keep, its configuration written to `<data>/nats/nats.conf`."""
    folder = system.folder("nats")
    configuration = folder / "nats.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=HOST,
            port=system.port("nats"),
            monitor=system.port("nats-monitor"),
            max_payload=MAX_PAYLOAD_BYTES,
            store=folder,
            max_file_store=MAX_FILE_STORE,
        )
    )
    command = (str(nats_server_binary()), "-c", str(configuration))
    return Part("nats-server", command, system.data / "logs" / "nats-server.log")


async def wait_until_healthy(system: System, log: Path) -> None:
    """Return when JetStream serves. Raises `CannotDo` with the log's last line if it does not come up."""
    try:
        async with asyncio.timeout(HEALTHY_WITHIN_SECONDS), aiohttp.ClientSession() as session:
            while not await _healthy(session, f"{system.url('nats-monitor')}/healthz"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise CannotDo(f"nats-server did not become healthy: {last_line(log)} (log: {log})") from None


async def _healthy(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
