"""A standby that is of use while it waits: it answers its probes, and passes every request on to the active process.

So both may stand behind one address: a load balancer need not know which of them writes, and either may be taken away.
Only where `[system] peers` says how the others are found (a name that resolves to all of them, or addresses).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable

import aiohttp
from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from chassis.access import PASSED_ON_FOR
from chassis.http import problem, reply
from chassis.port import Port
from chassis.settings import System
from chassis.tls import tls

ROLE = "X-Doorstep-Role"
PASSED_ON = "X-Doorstep-Passed-On"
METRICS = """\
# HELP doorstep_standby 1 where a process waits to take over
# TYPE doorstep_standby gauge
doorstep_standby{{service="{service}"}} 1
"""
LOOK_WITHIN_SECONDS = 1.0
ANSWER_WITHIN_SECONDS = 30.0
OF_ONE_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "host",
    "content-length",
}
"""Headers that belong to a connection and not to the message (RFC 9110, 7.6.1), and those that are written anew."""


async def stand_by(service: str, settings: System, port: Port) -> None:
    """Answer there from now on; without `peers` do nothing, as the port may be the active process's."""
    if settings.peers:
        await port.answers_with(Standby(service, settings).application())


class Standby:
    """What a waiting process answers; only inside `asking`, which comes and goes with its application."""

    _session: aiohttp.ClientSession

    def __init__(self, service: str, settings: System) -> None:
        self._service = service
        self._peers = [name.strip() for name in settings.peers.split(",")]
        self._port = settings.port_of(service)
        self._active: str | None = None
        self._scheme = tls().scheme
        self._names = dict[str, str]()

    def application(self) -> web.Application:
        """The routes: three of its own, all others the active process's."""
        app = web.Application()
        app.cleanup_ctx.append(self.asking)
        app.router.add_get("/livez", self.live)
        app.router.add_get("/readyz", self.ready)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_route("*", "/{path:.*}", self.pass_on)
        return app

    async def asking(self, _: web.Application) -> AsyncIterator[None]:
        """It can ask the others."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_SECONDS, sock_connect=LOOK_WITHIN_SECONDS)
        connector = aiohttp.TCPConnector(ssl=tls().client())
        async with aiohttp.ClientSession(
            timeout=timeout, auto_decompress=False, connector=connector
        ) as self._session:
            yield

    async def live(self, _: web.Request) -> web.Response:
        """It waits."""
        answer = reply({"live": True, "role": "standby"})
        answer.headers[ROLE] = "standby"
        return answer

    async def ready(self, _: web.Request) -> web.Response:
        """Ready as soon as there is an active process to pass requests on to."""
        active = await self._find()
        if active is None:
            return problem(503, "no active process is found", role="standby")
        return reply({"ready": True, "role": "standby", "active": active})

    async def metrics(self, _: web.Request) -> web.Response:
        """Its own, which is that it waits: with the active process's, everything would be counted twice."""
        return web.Response(text=METRICS.format(service=self._service))

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """The active process's answer, or 503: whoever asked may ask again."""
        if PASSED_ON in request.headers:
            return problem(503, "passed on to a standby", role="standby")
        active = self._active or await self._find()
        if active is None:
            return problem(503, "no active process is found", role="standby")
        try:
            return await self._forward(request, active)
        except (aiohttp.ClientError, TimeoutError) as fault:
            self._active = None
            return problem(503, "the active process did not answer", detail=type(fault).__name__)

    async def _forward(self, request: web.Request, active: str) -> web.StreamResponse:
        headers = _end_to_end(request.headers.items())
        headers[PASSED_ON] = "1"
        headers.add(PASSED_ON_FOR, request.remote or "unknown")
        if request.version < HttpVersion11:  # we speak a newer one: what it was, tells the door of a proxy
            headers.add("Via", "1.0 standby")
        url = f"{self._scheme}://{active}:{self._port}{request.rel_url.raw_path_qs}"
        body = request.content if request.body_exists else None
        async with self._session.request(
            request.method,
            url,
            headers=headers,
            data=body,
            allow_redirects=False,
            server_hostname=self._names.get(active),
        ) as answer:
            found = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers.items())
            )
            await found.prepare(request)
            async for chunk in answer.content.iter_any():
                await found.write(chunk)
            await found.write_eof()
            return found

    async def _find(self) -> str | None:
        """The address of the one that does not say it stands by."""
        for address in await self._addresses():
            if await self._is_active(address):
                self._active = address
                return address
        self._active = None
        return None

    async def _is_active(self, address: str) -> bool:
        try:
            async with (
                asyncio.timeout(LOOK_WITHIN_SECONDS),
                self._session.get(
                    f"{self._scheme}://{address}:{self._port}/livez",
                    server_hostname=self._names.get(address),
                ) as answer,
            ):
                return answer.status == 200 and ROLE not in answer.headers
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _addresses(self) -> list[str]:
        loop, found = asyncio.get_running_loop(), dict[str, None]()
        for name in self._peers:
            try:
                known = await loop.getaddrinfo(
                    name, self._port, family=socket.AF_INET, type=socket.SOCK_STREAM
                )
            except socket.gaierror:
                continue  # not started yet, or gone: it has no address
            found |= dict.fromkeys(str(address[4][0]) for address in known)
            self._names |= {str(address[4][0]): name for address in known}
        return list(found)


def _end_to_end(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Each as often as it was sent: what comes twice is for the active process to refuse."""
    return CIMultiDict((name, value) for name, value in headers if name.lower() not in OF_ONE_HOP)
