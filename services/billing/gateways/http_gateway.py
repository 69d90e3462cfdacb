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
        try:
            return await self._outbound.ask(method, path, **request)
        except NoAnswer as lost:
            raise GatewayUnavailable(str(lost)) from lost


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
