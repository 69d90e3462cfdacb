"""The gateway over HTTP, with our reference as the idempotency key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from chassis.outbound import NoAnswer, Outbound
from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.gateway import GatewayContradicts, GatewayUnavailable

NEVER_TRIED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Refusals of the request itself: nothing was moved, and the same request will never be taken."""

type Asked = CaptureCall | RefundCall
"""What an answer has to be about."""


class _Body(msgspec.Struct, frozen=True):
    reference: str
    status: str
    amount_minor: int
    currency: str
    id: str = ""
    reason: str = ""


class HttpGateway:
    """Adapter for a gateway that speaks the sandbox's API. `open` and `close` frame its use.

    Every call raises `GatewayUnavailable` without an answer, `GatewayContradicts` for one about something else.
    """

    def __init__(self, url: str, connect_seconds: float = 1.0, read_seconds: float = 5.0) -> None:
        self._outbound = Outbound(
            url,
            connect_seconds=connect_seconds,
            total_seconds=connect_seconds + read_seconds,
            read_seconds=read_seconds,
        )

    async def open(self) -> None:
        """Get ready; connects on first use."""
        await self._outbound.open()

    async def close(self) -> None:
        """Let all connections go."""
        await self._outbound.close()

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        """Collect this amount under this reference, once."""
        body = {
            "reference": call.reference,
            "amount_minor": call.amount_minor,
            "currency": call.currency,
            "email": call.email,
        }
        answer = await self._post("charges", call, body)
        return _captured(answer) if isinstance(answer, _Body) else answer

    async def look_up(self, call: CaptureCall) -> Captured | Declined | None:
        """What became of a capture."""
        answer = await self._get("charges", call)
        return _captured(answer) if answer else None

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        """Give this amount of a capture back under this reference, once."""
        body = {
            "reference": call.reference,
            "charge_reference": call.capture_reference,
            "amount_minor": call.amount_minor,
            "currency": call.currency,
        }
        answer = await self._post("refunds", call, body)
        return _refunded(answer) if isinstance(answer, _Body) else answer

    async def look_up_refund(self, call: RefundCall) -> Refunded | Declined | None:
        """What became of a refund."""
        answer = await self._get("refunds", call)
        return _refunded(answer) if answer else None

    async def _post(self, path: str, call: Asked, body: dict[str, Any]) -> _Body | Declined:
        status, data = await self._ask("POST", path, json=body, headers={"Idempotency-Key": call.reference})
        if status in NEVER_TRIED:
            return Declined(
                call.reference, f"the gateway refused the request: {data[:300].decode(errors='replace')}"
            )
        return _read(status, data, call)

    async def _get(self, path: str, call: Asked) -> _Body | None:
        status, data = await self._ask("GET", path, params={"reference": call.reference})
        return None if status == HTTPStatus.NOT_FOUND else _read(status, data, call)

    async def _ask(self, method: str, path: str, **request: Any) -> tuple[int, bytes]:
        try:
            return await self._outbound.ask(method, path, **request)
        except NoAnswer as lost:
            raise GatewayUnavailable(str(lost)) from lost


def _read(status: int, data: bytes, asked: Asked) -> _Body:
    """The answer, which has to be about what was asked."""
    if status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.PAYMENT_REQUIRED):
        raise GatewayUnavailable(f"the gateway answered {status}")
    try:
        body = msgspec.json.decode(data, type=_Body)
    except (msgspec.DecodeError, msgspec.ValidationError) as unreadable:
        raise GatewayUnavailable(f"the gateway's answer cannot be read: {unreadable}") from unreadable
    _same(asked, body)
    return body


def _same(asked: Asked, answer: _Body) -> None:
    if answer.reference != asked.reference:
        raise GatewayContradicts(f"asked about {asked.reference}, answered about {answer.reference}")
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
