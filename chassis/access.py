"""The door of every HTTP surface: who asks, and whether they may.

Someone is known, in this order, by
1. `X-Doorstep-Proxy` with the local password: a trusted proxy that says for whom it asks, in `user_header` and
   `groups_header`. The page is one, and so is a sign-in proxy in front of it;
2. `Authorization: Bearer`: the local password (this machine's own tools), or a token of the configured provider;
3. coming from this very machine, with nothing in between: the `loopback` roles of the embedded set-up.

Whoever shows a proof that is wrong is refused, and does not fall back to what they would be without it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Middleware

from chassis import stories
from chassis.access_settings import PROXY, Access
from chassis.callers import CALLER, Caller, roles_among
from chassis.http import Handler, problem, route_of
from chassis.logs import logger
from chassis.settings import section
from chassis.tokens import KeysAway, NotBelieved, Tokens
from contracts.actors import NAME_RULE, is_name
from contracts.identifiers import NATURAL_KEY
from contracts.rights import role_for

PASSED_ON_FOR = "X-Forwarded-For"
PASSED_ON = ("Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto")
"""Whatever carries one of these came through a proxy, for whomever."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
BODY_SECONDS_MAX = 10.0
"""A command that takes longer to arrive is given up."""
IDLE_SECONDS_MAX = 30
"""A connection without a whole request header for so long is closed. Longer than clients keep theirs for reuse."""
NAMES_A_STORY = re.compile(NATURAL_KEY)
"""What may stand in a log: anybody can put anything into a path."""
SERVICE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
}
"""On whatever a service answers, unless the handler says something of its own."""


class NotKnown(Exception):
    """Who asks cannot be told; the text says why."""


class Door:
    """Tells who asks."""

    def __init__(self, access: Access, tokens: Tokens | None = None) -> None:
        self._access = access
        self._password = access.local_password()
        self._tokens = tokens or (Tokens(access.tokens) if access.tokens else None)

    async def caller(self, request: web.Request) -> Caller:
        """Who it is. Raises `NotKnown`, or `KeysAway` where that cannot be found out right now."""
        if PROXY in request.headers:
            return self._for_somebody(request)
        if "Authorization" in request.headers:
            return await self._by_bearer(_bearer(request))
        if self._access.loopback and is_local(request):
            return Caller("", self._access.loopback)
        raise NotKnown("say who you are: a bearer token, or the password of this system (docs/security.md)")

    def is_password(self, said: str) -> bool:
        """Whether this is the local password. Compares in constant time; without one, nothing is."""
        return bool(self._password) and hmac.compare_digest(_octets(said), _octets(self._password))

    def _for_somebody(self, request: web.Request) -> Caller:
        if not self.is_password(_one(request, PROXY)):
            raise NotKnown(f"{PROXY} is not this system's password")
        name = _one(request, self._access.user_header).strip()
        if not is_name(name):
            raise NotKnown(
                f"for whom the proxy asks ({self._access.user_header}) is no name of ours: {NAME_RULE}"
            )
        groups = (word.strip() for word in _one(request, self._access.groups_header, "").split(","))
        return Caller(name, roles_among(groups, self._access.groups))

    async def _by_bearer(self, token: str) -> Caller:
        if self.is_password(token):
            return Caller("", frozenset({"admin"}))
        if self._tokens is None:
            raise NotKnown("that is not this system's password")
        try:
            name, groups = await self._tokens.read(token)
        except NotBelieved as reason:
            raise NotKnown(str(reason)) from None
        return Caller(name, roles_among(groups, self._access.groups))


def configured() -> Door:
    """The door as the settings say. Raises `SettingsWrong`."""
    return Door(section("access", Access))


def guarded(service: str, door: Door) -> Middleware:
    """The middleware of a service: who asks must be known, and have the role that the table asks for."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        role = role_for(service, request.method, route_of(request))
        if role is None:
            return await handler(request)
        if is_foreign(request):
            return problem(403, "sent from another site's page")
        try:
            caller = await door.caller(request)
        except NotKnown as reason:
            note_refused(request, str(reason))
            return problem(401, str(reason), headers={"WWW-Authenticate": 'Bearer realm="doorstep"'})
        except KeysAway as reason:
            return problem(503, str(reason))
        if route_of(request) and not caller.may(role):
            _note_command(service, request, caller, 403)
            return problem(403, f"this needs the role {role}: docs/security.md says who has it", role=role)
        request[CALLER] = caller
        return await _answered(service, request, handler)

    return guard


async def _answered(service: str, request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer; a command's body is there in time, and who gave the command is in the log."""
    if request.method in SAFE_METHODS:
        return await handler(request)
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            await request.read()
    except TimeoutError:
        late = problem(408, "the body did not arrive in time")
        late.force_close()
        return late
    status = 500
    try:
        answer = await handler(request)
        status = answer.status
    except web.HTTPException as refusal:
        status = refusal.status
        raise
    finally:
        _note_command(service, request, request[CALLER], status)
    return answer


def _note_command(service: str, request: web.Request, caller: Caller, status: int) -> None:
    path, asked = route_of(request), request.match_info.get("id", "")
    if request.method in SAFE_METHODS or not path:
        return
    logger().info(
        "command",
        correlation=stories.of_this_request(),
        to=service,
        path=path,
        id=asked if NAMES_A_STORY.fullmatch(asked) else "",
        by=caller.name or "local",
        roles=sorted(caller.roles),
        status=status,
    )


async def say_headers(_: web.Request, response: web.StreamResponse) -> None:
    """An `on_response_prepare` signal: what every answer of a service carries."""
    for name, value in SERVICE_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop("Server", None)


def is_foreign(request: web.Request) -> bool:
    """Whether a browser sends it on behalf of another site's page (CSRF); no browser, no such danger."""
    if request.method in SAFE_METHODS:
        return False
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def is_local(request: web.Request) -> bool:
    """Whether it comes from this machine itself: the connection, the name that is asked, and any proxy's word.

    The name is looked at because a page of another site can have its own name lead to 127.0.0.1 (DNS rebinding). A
    proxy that says nothing of whom it asks for is known by what it speaks: nginx, unless told otherwise, HTTP/1.0.
    """
    if request.version < HttpVersion11 or any(name in request.headers for name in PASSED_ON):
        return False
    said_by_proxies = ",".join(request.headers.getall(PASSED_ON_FOR, [])).split(",")
    addresses = (request.remote or "", *(word.strip() for word in said_by_proxies if word.strip()))
    if not all(map(_is_loopback, addresses)):
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return host == "localhost" or _is_loopback(host)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def note_refused(request: web.Request, reason: str) -> None:
    """Whoever guesses at a proof is in the log; that somebody came without one is nothing to note."""
    if PROXY in request.headers or "Authorization" in request.headers or request.method == "POST":
        logger().warning("proof_refused", path=route_of(request), remote=request.remote, reason=reason)


def _octets(said: str) -> bytes:
    """What was said, as it came: headers may hold bytes that are no text."""
    return said.encode("utf-8", "surrogateescape")


def _bearer(request: web.Request) -> str:
    scheme, _, token = _one(request, "Authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotKnown("Authorization is not of the form `Bearer …`")
    return token.strip()


def _one(request: web.Request, header: str, otherwise: str | None = None) -> str:
    """A header that must not come twice: a second one may be what a client slipped past a proxy."""
    given = request.headers.getall(header, [] if otherwise is None else [otherwise])
    if len(given) != 1:
        raise NotKnown(f"{header} is to be given once")
    return given[0]
