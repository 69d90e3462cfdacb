"""The page's middlewares: under which names it answers, to whom, and what every answer of it carries."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from chassis.access import BODY_SECONDS_MAX, NotKnown, is_foreign, note_refused
from chassis.http import Handler
from chassis.tokens import KeysAway
from ops.asking import on_behalf_of
from ops.page.sign_in import Reception, Visitor

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
"""No script and no style within a page; a message and an invoice are framed by our own pages only."""
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
FORM_BYTES_MAX = 16 * 1024
STATIC = "/static/"
OPEN = ("/livez", "/login", STATIC, "/parcels/")
"""Shown to anyone: a customer's tracking link says no name and no address."""

VISITOR = web.RequestKey("visitor", Visitor)


async def say_headers(request: web.Request, response: web.StreamResponse) -> None:
    """An `on_response_prepare` signal; what a document says of itself stands."""
    if response.content_type == "application/pdf":  # a browser's reader is a page of its own
        response.headers["Content-Security-Policy"] = "frame-ancestors 'self'"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith(STATIC):
        response.headers.setdefault("Cache-Control", "no-store")  # whose name and address it is, nobody keeps
    response.headers.pop("Server", None)


def own_names_only(names: set[str]) -> Any:
    """Answer only under our own names, so that no other site can be made to look like this one."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if urlsplit(f"//{request.host}").hostname not in names:
            raise web.HTTPMisdirectedRequest(text="this page does not answer under that name")
        return await handler(request)

    return middleware


def visitors_only(reception: Reception) -> Any:
    """Show the page to who may see it, and ask the services on their behalf; everyone else may sign in."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_foreign(request):
            raise web.HTTPForbidden(text="sent from another site")
        if request.method == "POST":
            await _body_in_time(request)
        if request.path.startswith(OPEN):
            return await handler(request)
        try:
            visitor = await reception.visitor(request)
        except NotKnown as reason:
            note_refused(request, str(reason))
            raise _to_the_login(request) from None
        except KeysAway as reason:
            raise web.HTTPServiceUnavailable(text=str(reason)) from None
        if not visitor.caller.may("viewer"):
            raise web.HTTPForbidden(text=f"{visitor.caller.name} has no role here")
        request[VISITOR] = visitor
        with on_behalf_of(visitor.caller):
            return await handler(request)

    return middleware


async def _body_in_time(request: web.Request) -> None:
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the form did not arrive in time") from None


def is_for_a_person(request: web.Request) -> bool:
    """Whether a browser shows the answer as a page."""
    return "text/html" in request.headers.get("Accept", "")


def _to_the_login(request: web.Request) -> web.HTTPException:
    """A person is led to the form; a program, and a form that was sent, is told."""
    if request.method == "GET" and is_for_a_person(request):
        return web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='/')}")
    return web.HTTPUnauthorized(
        text="sign in at /login", headers={"WWW-Authenticate": 'Bearer realm="doorstep"'}
    )
