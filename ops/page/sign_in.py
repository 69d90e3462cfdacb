"""Who looks at the page: signed in with the local password, named by a proxy or a token, or sitting at this machine.

A session is a random cookie that scripts and other sites never see; it is gone when the page is started anew. Every
form carries a token that only this page can have written (CSRF).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from aiohttp import web

from chassis.access import Door, NotKnown
from chassis.callers import Caller
from contracts.rights import role_for

SESSION_SECONDS = 12 * 3600.0
SESSIONS_MAX = 1_000
"""Beyond these the oldest is signed out."""
COOKIE = "doorstep"
LOCAL = Caller("", frozenset({"admin"}))
"""Who has the local password may do everything, and says in each command who it is."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks, and the token that this visitor's forms carry."""

    caller: Caller
    form_token: str
    signed_in: bool = False

    def lacks(self, service: str, path: str) -> str:
        """The role that a command needs and this visitor does not have; empty where they may give it."""
        role = role_for(service, "POST", path)
        return "" if role is None or self.caller.may(role) else role

    def require(self, service: str, path: str) -> None:
        """Raises 403 for a command that this visitor may not give."""
        if role := self.lacks(service, path):
            raise web.HTTPForbidden(text=f"this needs the role {role}")


class Reception:
    """Lets people in and remembers them."""

    def __init__(self, door: Door, *, secure: bool = False) -> None:
        self._door, self._secure = door, secure
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._form_key = secrets.token_bytes(32)
        self._one_time = ""

    @property
    def cookie(self) -> str:
        """The cookie's name; with TLS a browser holds us to the rules that its prefix names."""
        return f"__Host-{COOKIE}" if self._secure else COOKIE

    def one_time_key(self) -> str:
        """A key that signs in once, for the link that `doorstep up` prints."""
        self._one_time = secrets.token_urlsafe(24)
        return self._one_time

    async def visitor(self, request: web.Request) -> Visitor:
        """Who looks. Raises `NotKnown`, or `KeysAway`."""
        session = request.cookies.get(self.cookie, "")
        if self._sessions.get(session, 0.0) > time.monotonic():
            return Visitor(LOCAL, self.form_token(session), signed_in=True)
        caller = await self._door.caller(request)
        return Visitor(caller, self.form_token(f"caller {caller.name}"))

    def sign_in(
        self, response: web.StreamResponse, *, password: str = "", key: str = "", over_tls: bool = False
    ) -> None:
        """Start a session with the password or with the one-time key; `over_tls` where a proxy takes TLS off before us.

        Raises `NotKnown`.
        """
        if not (self._door.is_password(password) or self._uses_up(key)):
            raise NotKnown("that is not this system's password")
        session = secrets.token_urlsafe(32)
        self._sessions[session] = time.monotonic() + SESSION_SECONDS
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        response.set_cookie(
            self.cookie,
            session,
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="Strict",
            secure=self._secure or over_tls,
        )

    def sign_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the visitor's session, if there is one."""
        self._sessions.pop(request.cookies.get(self.cookie, ""), None)
        response.del_cookie(self.cookie, secure=self._secure, httponly=True, samesite="Strict")

    def _uses_up(self, key: str) -> bool:
        fits = bool(self._one_time) and hmac.compare_digest(key.encode(), self._one_time.encode())
        if fits:
            self._one_time = ""
        return fits

    def form_token(self, whose: str) -> str:
        """What a form written for this session or caller carries."""
        return hmac.new(self._form_key, whose.encode(), hashlib.sha256).hexdigest()


def require_own_form(visitor: Visitor, token: object) -> None:
    """Raises 403 for a form that this page did not write for this visitor."""
    if not isinstance(token, str) or not hmac.compare_digest(token.encode(), visitor.form_token.encode()):
        raise web.HTTPForbidden(text="this form is too old, or not from here: load the page again")
