"""A carrier that is a real HTTP server with its own truth: `python -m services.shipping.carriers.sandbox
--port N --log FILE`.

It keeps every label, refusal, void and scan in an append-only log, on disk before it answers, and rebuilds
itself from it at start. It is idempotent by our reference. It can be told to misbehave: `POST /behaviour`
`{"mode": ..., "every": n, "seconds": x, "count": k}` spoils every n-th purchase, at most k of them:

| mode | the label | the answer |
|---|---|---|
| `ok` | made | at once |
| `refuse` | refused | 422 |
| `fail_500` | not made | 500 |
| `timeout_after_effect` | made | after `seconds` the connection breaks |
| `late` | made | after `seconds` |
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from services.shipping.carriers.sandbox_books import Behaviour, Purchase, Sandbox, ScanReport, TruthLog

SANDBOX = web.AppKey("sandbox", Sandbox)


def application(log: Path) -> web.Application:
    """The server's application; its books are opened here and closed when it ends."""
    app = web.Application(client_max_size=1 << 20)
    truth = TruthLog(log)
    app[SANDBOX] = Sandbox(truth)
    app.add_routes(
        [
            web.post("/labels", _buy),
            web.get("/labels", _look_up),
            web.delete("/labels", _void),
            web.post("/behaviour", _behave),
            web.get("/log", _log),
            web.post("/parcels/{number}/scans", _scan),
            web.get("/parcels/{number}/scans", _scans),
            web.get("/livez", _livez),
        ]
    )

    async def close(_: web.Application) -> None:
        truth.close()

    app.on_cleanup.append(close)
    return app


async def _buy(request: web.Request) -> web.Response:
    sandbox = request.app[SANDBOX]
    purchase = await _body(request, Purchase)
    if not sandbox.spoils_next():
        return _answer(sandbox.sell(purchase))
    behaviour = sandbox.behaviour
    match behaviour.mode:
        case "refuse":
            return _answer(sandbox.refuse(purchase.reference, "the carrier does not serve this address"))
        case "fail_500":
            return web.json_response({"error": "the carrier is out of order"}, status=500)
    sold = sandbox.sell(purchase)
    await asyncio.sleep(behaviour.seconds)
    if behaviour.mode == "timeout_after_effect" and request.transport is not None:
        request.transport.abort()
    return _answer(sold)


async def _look_up(request: web.Request) -> web.Response:
    found = request.app[SANDBOX].answer_to(request.query.get("reference", ""))
    if found is None:
        return web.json_response({"error": "nothing is known under this reference"}, status=404)
    return web.json_response(found)


async def _void(request: web.Request) -> web.Response:
    reference = request.query.get("reference", "")
    if not reference:
        return web.json_response({"refused": "which reference?"}, status=400)
    return web.json_response(request.app[SANDBOX].void(reference))


async def _behave(request: web.Request) -> web.Response:
    behaviour = await _body(request, Behaviour)
    if behaviour.every < 1 or behaviour.seconds < 0:
        return web.json_response({"error": "every is at least 1, seconds at least 0"}, status=422)
    request.app[SANDBOX].behave(behaviour)
    return web.json_response(msgspec.to_builtins(behaviour))


async def _log(request: web.Request) -> web.Response:
    return web.json_response({"log": request.app[SANDBOX].log.entries})


async def _scan(request: web.Request) -> web.Response:
    report = await _body(request, ScanReport)
    kept = request.app[SANDBOX].scan(request.match_info["number"], report)
    return web.json_response(kept, status=201)


async def _scans(request: web.Request) -> web.Response:
    return web.json_response({"scans": request.app[SANDBOX].scans(request.match_info["number"])})


async def _livez(request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


def _answer(entry: dict[str, Any]) -> web.Response:
    return web.json_response(entry, status=422 if entry.get("refused") else 201)


async def _body[T](request: web.Request, model: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=model)
    except msgspec.MsgspecError as wrong:
        raise web.HTTPUnprocessableEntity(
            text=msgspec.json.encode({"refused": str(wrong)}).decode(), content_type="application/json"
        ) from wrong


async def serve(host: str, port: int, log: Path, stop: asyncio.Event) -> None:
    """Listen until `stop` is set, then finish what was begun. Prints one line when ready."""
    runner = web.AppRunner(application(log), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port, shutdown_timeout=2.0)
    try:
        await site.start()
        bound = runner.addresses[0][1]
        sys.stdout.write(f"sandbox carrier listening on http://{host}:{bound}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


async def _main(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await serve(arguments.host, arguments.port, arguments.log, stop)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="sandbox carrier", description="a carrier to test against, over real HTTP"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes any free port")
    parser.add_argument("--log", type=Path, required=True, help="its append-only truth")
    try:
        asyncio.run(_main(parser.parse_args(argv)))
    except OSError as taken:
        sys.exit(f"sandbox carrier: cannot start: {taken}")


if __name__ == "__main__":
    main()
