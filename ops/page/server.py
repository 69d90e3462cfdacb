"""The page's web server: renders what the services say, proxies their documents, passes commands on.

Every page is also served as its `main` part alone (`?part=main`), which a few lines of script fetch again while
somebody looks. Without script the page is complete, just not live.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel

from chassis.access import Door, NotKnown, note_refused
from chassis.http import Handler
from chassis.port import Port
from chassis.settings import section
from chassis.tls import CannotListen, tls
from ops.asking import Refused, Services
from ops.console import CannotDo
from ops.local_password import access_of
from ops.page import wording
from ops.page.finding import SearchPage
from ops.page.glance import Glance, quoted
from ops.page.guard import (
    FORM_BYTES_MAX,
    VISITOR,
    is_for_a_person,
    own_names_only,
    say_headers,
    visitors_only,
)
from ops.page.order_page import order_content, parcel_content
from ops.page.payout_page import payout_content
from ops.page.sign_in import Reception, require_own_form
from ops.page.templating import templates
from ops.page.waiting import WaitingPage
from ops.system import HOST, System
from services.billing.settings import BillingSettings, zone

STATIC = Path(__file__).parent / "static"
DOCUMENTS = {
    "invoice.pdf": ("billing", "/invoices/{id}.pdf", {}),
    "mail.html": ("notify", "/notifications/{id}", {"as": "html"}),
    "label.pdf": ("shipping", "/parcels/{id}/label.pdf", {}),
}
"""Documents that a service renders, by the name the page gives them."""

ACTIONS = {
    "release": ("orders", "/orders/{id}/holds/{reason}/release", ("actor", "reason")),
    "cancel": ("orders", "/orders/{id}/cancel", ("actor", "reason")),
    "dispatch": ("shipping", "/fulfilments/{id}/dispatch", ("actor",)),
    "label": ("shipping", "/fulfilments/{id}/labels/retry", ("actor", "reason")),
}
"""Commands that a form on an order's page may send, and what they carry."""


SUBJECT_WITHIN_SECONDS = 3.0
"""What a page is about: without it there is nothing to show."""
PART_WITHIN_SECONDS = 1.0
"""Any other part: the page is shown without it, and says whose it is."""

CANNOT_BE_SHOWN = "That cannot be shown now"


class Shop(BaseModel):
    """Whose page it is."""

    name: str = "Doorstep"


def shop_zone() -> tzinfo:
    """Where the shop's clocks stand: as on its invoices. Raises `SettingsWrong`."""
    return zone(section("billing", BillingSettings).timezone)


class Listening(BaseModel):
    """`[system]`: where the page listens, and the host names (with commas) under which it answers besides loopback.

    Other names are for who reaches it from elsewhere, and has to sign in (`[access]`).
    """

    page_host: str = HOST
    page_names: str = ""

    @property
    def names(self) -> set[str]:
        """Every host name under which it answers."""
        return {HOST, "localhost", "::1"} | {name for name in self.page_names.split(",") if name}


@asynccontextmanager
async def serve_page(system: System) -> AsyncIterator[Reception]:
    """The page on its port for the length of a block; gives who lets people in."""
    reception = Reception(Door(access_of(system.data)), secure=tls().cert_file is not None)
    host = section("system", Listening).page_host
    async with Services(system) as services, Port(host, system.port("page")) as port:
        try:
            await port.answers_with(application(system, services, reception))
        except CannotListen as taken:
            raise CannotDo(str(taken)) from None
        yield reception


def application(system: System, services: Services, reception: Reception) -> web.Application:
    """The page's routes, without a port."""
    pages = Pages(system, services, reception)
    search = SearchPage(services, pages.render)
    names = section("system", Listening).names
    app = web.Application(
        middlewares=[own_names_only(names), readable_errors(pages), visitors_only(reception)],
        client_max_size=FORM_BYTES_MAX,
    )
    app.on_response_prepare.append(say_headers)
    app.add_routes(
        [
            web.get("/login", pages.login),
            web.post("/login", pages.sign_in),
            web.post("/logout", pages.sign_out),
            web.get("/", pages.home),
            web.get("/orders", search.show),
            web.get("/orders/{id:[^/]+}", pages.order),
            web.post("/orders/{id:[^/]+}/{action}", pages.act),
            web.get("/parcels/{tracking}", pages.parcel),
            web.get("/payouts/{id:[^/]+}", pages.payout),
            web.get("/mail/{id:.+}", pages.mail),
            web.get("/documents/{name}/{id:.+}", pages.document),
            *WaitingPage(services, services.within(PART_WITHIN_SECONDS), pages.render).routes(),
            web.get("/livez", pages.live),
            web.static("/static", STATIC),
        ]
    )
    return app


class Pages:
    """The handlers, one per page."""

    def __init__(self, system: System, services: Services, reception: Reception) -> None:
        self._system, self._services, self._reception = system, services, reception
        self._subjects = services.within(SUBJECT_WITHIN_SECONDS)
        self._parts = services.within(PART_WITHIN_SECONDS)
        clocks = shop_zone()
        self._glance = Glance(system, self._parts, clocks)
        self._templates = templates(clocks)
        self._shop = section("shop", Shop).name

    async def home(self, request: web.Request) -> web.Response:
        """Today at a glance."""
        return self.render(request, "home", **await self._glance.take())

    async def order(self, request: web.Request) -> web.Response:
        """One order: what was bought, where it stands, and its whole story."""
        order_id = request.match_info["id"]
        order = await self._subjects.get("orders", f"/orders/{quoted(order_id)}")
        content = await order_content(self._parts, order)
        said, visitor = request.query.get("said", ""), request[VISITOR]
        lacking = {action: visitor.lacks(service, path) for action, (service, path, _) in ACTIONS.items()}
        return self.render(request, "order", order=order, said=said, lacking=lacking, **content)

    async def parcel(self, request: web.Request) -> web.Response:
        """Where a parcel is: the page behind a customer's tracking link. Shows no name and no address."""
        tracking = request.match_info["tracking"]
        return self.render(request, "parcel", **await parcel_content(self._subjects, tracking))

    async def payout(self, request: web.Request) -> web.Response:
        """A payout: each line tied to a capture, a refund or a fee, and what is left over."""
        named, first = request.match_info["id"], request.query.get("from", "0")
        content = await payout_content(self._subjects, named, int(first) if first.isdecimal() else 0)
        return self.render(request, "payout", **content)

    async def mail(self, request: web.Request) -> web.Response:
        """A message as its recipient sees it."""
        message = await self._subjects.get("notify", f"/notifications/{quoted(request.match_info['id'])}")
        return self.render(request, "mail", message=message)

    async def document(self, request: web.Request) -> web.Response:
        """An invoice, a label or a message, as the service renders it."""
        name, identity = request.match_info["name"], request.match_info["id"]
        if name not in DOCUMENTS:
            raise web.HTTPNotFound
        service, path, query = DOCUMENTS[name]
        body, kind, headers = await self._services.document(
            service, path.format(id=quoted(identity)), **query
        )
        return web.Response(body=body, content_type=kind, headers=headers)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Pass a command on, and come back to the order with what was answered."""
        order_id, action = request.match_info["id"], request.match_info["action"]
        if action not in ACTIONS:
            raise web.HTTPNotFound
        form, visitor = await request.post(), request[VISITOR]
        require_own_form(visitor, form.get("form_token"))
        service, path, fields = ACTIONS[action]
        visitor.require(service, path)
        target = path.format(id=quoted(order_id), reason=quoted(str(form.get("part", ""))))
        signed = {name: str(form.get(name, "")).strip() for name in fields}
        if visitor.caller.name:
            signed["actor"] = visitor.caller.name
        try:
            await self._services.post(service, target, signed)
            said = "Done"
        except Refused as refusal:
            said = wording.not_done(refusal.said)
        raise web.HTTPSeeOther(f"/orders/{quote(order_id, safe=':')}?said={quote(said)}")

    async def login(self, request: web.Request) -> web.StreamResponse:
        """The form to sign in; a link with a one-time key does without it."""
        if key := request.query.get("key"):
            return self._signed_in(request, "/", key=key)
        return self._ask_for_password(request, request.query.get("next", "/"))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """What the form sends."""
        form = await request.post()
        return self._signed_in(request, str(form.get("next", "/")), password=str(form.get("password", "")))

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End the session."""
        require_own_form(request[VISITOR], (await request.post()).get("form_token"))
        answer = web.Response(status=303, headers={"Location": "/login"})
        self._reception.sign_out(request, answer)
        return answer

    def _signed_in(self, request: web.Request, to: str, **proof: str) -> web.StreamResponse:
        answer = web.Response(status=303, headers={"Location": own_path(to)})
        try:
            over_tls = request.headers.get("X-Forwarded-Proto") == "https"
            self._reception.sign_in(answer, over_tls=over_tls, **proof)
        except NotKnown as reason:
            note_refused(request, str(reason))
            return self._ask_for_password(request, to, "That was not right.", 401)
        return answer

    def _ask_for_password(
        self, request: web.Request, to: str, said: str = "", status: int = 200
    ) -> web.Response:
        return self.render(request, "login", status, next=own_path(to), said=said)

    async def live(self, _: web.Request) -> web.Response:
        """The page itself runs."""
        return web.json_response({"live": True})

    def render(self, request: web.Request, template: str, status: int = 200, **content: Any) -> web.Response:
        """A page, or with `?part=main` its living part."""
        part = request.query.get("part") == "main"
        page = self._templates.get_template(f"{template}.html")
        visitor = request.get(VISITOR)
        html = page.render(
            layout="part.html" if part else "layout.html",
            path=request.path_qs,
            again=request.method == "GET",
            shop=self._shop,
            me=visitor.caller.name if visitor else "",
            form_token=visitor.form_token if visitor else "",
            signed_in=bool(visitor and visitor.signed_in),
            **content,
        )
        return web.Response(text=html, content_type="text/html", status=status)


def own_path(to: str) -> str:
    """Where to go after signing in: a path of this page, never another site."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() else "/"


def readable_errors(pages: Pages) -> Any:
    """What cannot be shown is said on a page, not as a traceback."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _nothing_there(pages, request)
        except web.HTTPError as refused:
            if not is_for_a_person(request):
                raise
            heading, reason = wording.REFUSED.get(refused.status, (wording.NOT_POSSIBLE, refused.text or ""))
            return pages.render(request, "sorry", refused.status, heading=heading, reason=reason)
        except Refused as refusal:
            if refusal.status == 404:
                return _nothing_there(pages, request)
            return pages.render(request, "sorry", 502, heading=CANNOT_BE_SHOWN, reason=str(refusal))
        except CannotDo as reason:
            return pages.render(request, "sorry", 503, heading=CANNOT_BE_SHOWN, reason=str(reason))

    return middleware


def _nothing_there(pages: Pages, request: web.Request) -> web.Response:
    heading, sentence = wording.not_found(request.path)
    return pages.render(request, "sorry", 404, heading=heading, reason=sentence)
