"""A sandbox: a real HTTP server with its own truth, standing in for somebody else's system.

It is started with `--port N --log FILE`, prints one line when it listens, and ends in order on SIGTERM or SIGINT.
Everyone can read its log and tell it to misbehave:

| route | does |
|---|---|
| `GET /log` | `{"records": [...]}`: all it did, oldest first |
| `GET /behaviour` | the behaviour in force, how often it was `asked` and how often it `hit` |
| `POST /behaviour` | from now on like this; see `misbehaviour` |
| `GET /livez` | `{"alive": true}` |
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from chassis.first_fault import first_fault
from chassis.misbehaviour import Behaviour, Mood
from chassis.truth_log import TruthLog

type MakeApp = Callable[[TruthLog], web.Application]


def arguments(name: str, purpose: str) -> argparse.ArgumentParser:
    """What every sandbox takes on its command line."""
    parser = argparse.ArgumentParser(prog=name, description=purpose)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--log", type=Path, required=True, help="its append-only truth (JSON lines)")
    return parser


def run(name: str, asked: argparse.Namespace, make_app: MakeApp) -> None:
    """Serve until told to stop; one clear line and exit code 1 where it cannot start."""
    try:
        asyncio.run(_serve(name, asked.host, asked.port, asked.log, make_app))
    except OSError as fault:
        sys.exit(f"{name}: cannot start: {fault}")


async def _serve(name: str, host: str, port: int, log: Path, make_app: MakeApp) -> None:
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    truth = TruthLog(log)
    runner = web.AppRunner(make_app(truth), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        sys.stdout.write(f"{name} listening on http://{host}:{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await stopping.wait()
    finally:
        await runner.cleanup()
        await truth.settled()
        truth.close()


def admin_routes[B: Behaviour](log: TruthLog, mood: Mood[B]) -> tuple[web.RouteDef, ...]:
    """Its log, the switch for its behaviour, and whether it lives."""

    async def show_log(_: web.Request) -> web.Response:
        await log.settled()
        return web.json_response({"records": log.records})

    async def show(_: web.Request) -> web.Response:
        return web.json_response(mood.behaviour.model_dump() | {"asked": mood.asked, "hit": mood.hit})

    async def behave(request: web.Request) -> web.Response:
        try:
            mood.set(type(mood.behaviour).model_validate_json(await request.read()))
        except ValidationError as wrong:
            fault = first_fault(wrong)
            return web.json_response({"error": f"{fault.path or 'body'}: {fault.says}"}, status=422)
        return await show(request)

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    return (
        web.get("/log", show_log),
        web.get("/behaviour", show),
        web.post("/behaviour", behave),
        web.get("/livez", live),
    )
