"""The gateway over HTTP: short timeouts, a bounded answer, no redirects, our reference as the idempotency key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.gateway import GatewayContradicts, GatewayUnavailable

ANSWER_BYTES_MAX = 1 << 20
NEVER_TRIED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Refusals of the request itself: nothing was moved, and the same request will never be taken."""


class _Body(msgspec.Struct, frozen=True):
    reference: str
    status: str
    amount_minor: int
    currency: str
    id: str = ""
    reason: str = ""


class HttpGateway:
    """Adapter for a gateway that speaks the sandbox's API. `open` and `close` frame its use."""

    def __init__(self, url: str, connect_seconds: float = 1.0, read_seconds: float = 5.0) -> None:
        self._url = URL(url)
        self._timeout = aiohttp.ClientTimeout(
            total=connect_seconds + read_seconds, sock_connect=connect_seconds, sock_read=read_seconds
        )
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool; connects on first use."""
        self._session = aiohttp.ClientSession(timeout=self._timeout)

    async def close(self) -> None:
        """Let all connections go."""
        if self._session is not None:
            await self._session.close()

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        """Collect this amount under this reference, once. Raises `GatewayUnavailable`."""
        body = {
            "reference": call.reference,
            "amount_minor": call.amount_minor,
            "currency": call.currency,
            "email": call.email,
        }
        answer = await self._post("charges", call.reference, body)
        if isinstance(answer, _Body):
            _same(call, answer)
            return _captured(answer)
        return answer

    async def look_up(self, reference: str) -> Captured | Declined | None:
        """What became of a capture. Raises `GatewayUnavailable`."""
        answer = await self._get("charges", reference)
        return _captured(answer) if answer else None

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        """Give this amount of a capture back under this reference, once. Raises `GatewayUnavailable`."""
        body = {
            "reference": call.reference,
            "charge_reference": call.capture_reference,
            "amount_minor": call.amount_minor,
            "currency": call.currency,
        }
        answer = await self._post("refunds", call.reference, body)
        if isinstance(answer, _Body):
            _same(call, answer)
            return _refunded(answer)
        return answer

    async def look_up_refund(self, reference: str) -> Refunded | Declined | None:
        """What became of a refund. Raises `GatewayUnavailable`."""
        answer = await self._get("refunds", reference)
        return _refunded(answer) if answer else None

    async def _post(self, path: str, reference: str, body: dict[str, Any]) -> _Body | Declined:
        status, data = await self._ask("POST", path, json=body, headers={"Idempotency-Key": reference})
        if status in NEVER_TRIED:
            return Declined(
                reference, f"the gateway refused the request: {data[:300].decode(errors='replace')}"
            )
        return _read(status, data, reference)

    async def _get(self, path: str, reference: str) -> _Body | None:
        status, data = await self._ask("GET", path, params={"reference": reference})
        return None if status == HTTPStatus.NOT_FOUND else _read(status, data, reference)

    async def _ask(self, method: str, path: str, **request: Any) -> tuple[int, bytes]:
        if self._session is None:
            raise GatewayUnavailable("the gateway's session is not open")
        try:
            async with self._session.request(
                method, self._url / path, allow_redirects=False, **request
            ) as answer:
                return answer.status, await _bounded(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as lost:
            raise GatewayUnavailable(f"{method} {path}: {type(lost).__name__} {lost}".rstrip()) from lost


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in answer.content.iter_any():
        data += part
        if len(data) > ANSWER_BYTES_MAX:
            answer.close()
            raise GatewayUnavailable(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(data)


def _read(status: int, data: bytes, reference: str) -> _Body:
    if status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.PAYMENT_REQUIRED):
        raise GatewayUnavailable(f"the gateway answered {status}")
    try:
        body = msgspec.json.decode(data, type=_Body)
    except (msgspec.DecodeError, msgspec.ValidationError) as unreadable:
        raise GatewayUnavailable(f"the gateway's answer cannot be read: {unreadable}") from unreadable
    if body.reference != reference:
        raise GatewayContradicts(f"asked about {reference}, answered about {body.reference}")
    return body


def _same(asked: CaptureCall | RefundCall, answer: _Body) -> None:
    if (answer.amount_minor, answer.currency) != (asked.amount_minor, asked.currency):
        raise GatewayContradicts(
            f"{asked.reference}: asked for {asked.amount_minor} {asked.currency}, "
            f"answered {answer.amount_minor} {answer.currency}"
        )


def _captured(body: _Body) -> Captured | Declined:
    if body.status == "declined":
        return Declined(body.reference, body.reason)
    return Captured(body.reference, body.id, body.amount_minor, body.currency)


def _refunded(body: _Body) -> Refunded | Declined:
    if body.status == "declined":
        return Declined(body.reference, body.reason)
    return Refunded(body.reference, body.id, body.amount_minor, body.currency)
