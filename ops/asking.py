"""Asking running services over HTTP: short, bounded, and clear about who did not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from chassis.access_settings import PROXY
from chassis.settings import SettingsWrong
from chassis.tls import tls
from ops.checks import in_words
from ops.console import CannotDo
from ops.local_password import access_of
from ops.system import System

if TYPE_CHECKING:
    from chassis.callers import Caller

ANSWER_WITHIN_SECONDS = 5.0
KEPT_HEADERS = ("Content-Disposition", "Content-Security-Policy")


_behalf: ContextVar[Caller | None] = ContextVar("behalf", default=None)


@contextmanager
def on_behalf_of(caller: Caller) -> Iterator[None]:
    """For the length of a block, services are asked in this caller's name, if it has one."""
    before = _behalf.set(caller)
    try:
        yield
    finally:
        _behalf.reset(before)


class NoAnswer(CannotDo):
    """A service could not be asked: it does not run, or did not answer in time. `why` says it without advice."""

    def __init__(self, said: str, why: str) -> None:
        super().__init__(said)
        self.why = why


class NotYet(NoAnswer):
    """A service is there and does not work yet: it starts, or stands by where nobody is active. `why` says what for."""

    def __init__(self, service: str, why: str) -> None:
        super().__init__(f"{service} does not work yet: {why}", why)


class Refused(CannotDo):
    """A service answered, and the answer is no. `status` is the HTTP status, `body` its JSON, `said` its sentence."""

    def __init__(self, service: str, status: int, body: Any) -> None:
        self.said = body.get("error", body) if isinstance(body, dict) else body
        super().__init__(f"{service} refused ({status}): {self.said}")
        self.status, self.body = status, body


class Services:
    """The services of one system, to be asked: `async with Services(system) as services: await services.get(...)`."""

    def __init__(self, system: System, answer_within_seconds: float = ANSWER_WITHIN_SECONDS) -> None:
        self._system = system
        self._timeout = aiohttp.ClientTimeout(total=answer_within_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._proof = _Proof()

    async def __aenter__(self) -> Self:
        try:
            access = access_of(self._system.data)
            self._proof = _Proof(access.local_password(), access.user_header, access.groups_header)
            connector = aiohttp.TCPConnector(ssl=tls().client())
        except SettingsWrong as wrong:
            raise CannotDo(str(wrong)) from None
        self._session = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def within(self, seconds: float) -> Services:
        """The same services over the same connections, for whom an answer is of no use any more after so long."""
        hurried = copy(self)
        hurried._timeout = aiohttp.ClientTimeout(total=seconds)
        return hurried

    async def get(self, service: str, path: str, **query: str | int) -> Any:
        """The JSON at a path. Raises `NoAnswer`, or `Refused` for any status from 400."""
        return await self._ask("GET", service, path, params=query)

    async def post(self, service: str, path: str, body: Any) -> Any:
        """Send a command as JSON. Raises `NoAnswer`, or `Refused` for any status from 400."""
        return await self._ask("POST", service, path, json=body)

    async def is_ready(self, service: str) -> bool:
        """Whether it says itself that it is ready."""
        return not await self.why_not_ready(service)

    async def why_not_ready(self, service: str) -> str:
        """What keeps it from being ready, as one sentence; nothing where it is ready."""
        try:
            await self.get(service, "/readyz")
        except NoAnswer as reason:
            return reason.why
        except Refused as refused:
            return f"{service} {_failing(refused)}"
        return ""

    async def is_live(self, service: str) -> bool:
        """Whether it answers at all."""
        try:
            await self.get(service, "/livez")
        except CannotDo:
            return False
        return True

    async def document(self, service: str, path: str, **query: str) -> tuple[bytes, str, dict[str, str]]:
        """A document with its content type and what a browser has to know of it. Raises as `get` does."""
        url = self._system.url(service)
        try:
            async with self._open().get(
                f"{url}{path}", params=query, headers=self._proof.headers(), timeout=self._timeout
            ) as answer:
                if answer.status >= 400:
                    raise _no(service, answer.status, await _json(answer))
                headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
                return await answer.read(), answer.content_type, headers
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise self._silent(service, fault) from None

    async def _ask(self, method: str, service: str, path: str, **more: Any) -> Any:
        try:
            async with self._open().request(
                method,
                f"{self._system.url(service)}{path}",
                headers=self._proof.headers(),
                timeout=self._timeout,
                **more,
            ) as answer:
                body = await _json(answer)
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise self._silent(service, fault) from None
        if answer.status >= 400:
            raise _no(service, answer.status, body)
        return body

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("ask services inside `async with`")
        return self._session

    def _silent(self, service: str, fault: Exception) -> NoAnswer:
        url = self._system.url(service)
        why = f"{service} does not answer at {url} ({_why(fault)})"
        return NoAnswer(f"{why}: is `doorstep up` running?", why)


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a request carries to say who asks; nothing where this machine has no password."""

    password: str = ""
    user_header: str = ""
    groups_header: str = ""

    def headers(self) -> dict[str, str]:
        caller = _behalf.get()
        if not self.password:
            return {}
        if caller is None or not caller.name:
            return {"Authorization": f"Bearer {self.password}"}
        groups = ",".join(sorted(caller.roles))
        return {PROXY: self.password, self.user_header: caller.name, self.groups_header: groups}


def _no(service: str, status: int, body: Any) -> CannotDo:
    """What an error status means. Who starts or stands by says which of the two it does (chassis/starting.py)."""
    waits = status == HTTPStatus.SERVICE_UNAVAILABLE and isinstance(body, dict) and "role" in body
    return NotYet(service, str(body["error"])) if waits else Refused(service, status, body)


async def _json(answer: aiohttp.ClientResponse) -> Any:
    if answer.content_type == "application/json":
        return await answer.json()
    return {"error": (await answer.text())[:500]} if answer.status >= 400 else await answer.text()


def _failing(refused: Refused) -> str:
    """Each check of `/readyz` that fails, in words."""
    checks = refused.body.get("checks", {}) if isinstance(refused.body, dict) else {}
    failing = [in_words(name, check) for name, check in checks.items() if not check["ok"]]
    return ", ".join(failing) or f"says {refused.status}: {refused.said}"


def _why(fault: Exception) -> str:
    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        return str(fault.certificate_error)
    return "timeout" if isinstance(fault, TimeoutError) else type(fault).__name__
