"""A carrier over HTTP: JSON in, JSON out, idempotent by our reference (the `Idempotency-Key` header).

| call | request | answers |
|---|---|---|
| buy | `POST /labels` with reference, parcel and address | 200, 201 label · 400, 409, 422 refused |
| look up | `GET /labels?reference=` | 200 label or refusal · 404 never seen |
| void | `DELETE /labels?reference=` | 200, 404 voided · 400, 409, 422 refused |

Anything else (5xx, 429, a redirect, a time-out, more than 1 MiB, no JSON) is no answer: the label may exist.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from chassis import outbound
from services.shipping.carriers.carrier import NoAnswer
from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided

REFUSALS = frozenset({400, 409, 422})
TAKEN = frozenset({200, 201})


class _Answer(msgspec.Struct):
    """What comes back: a label, or `refused` with the reason."""

    reference: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    cost_minor: int = 0
    currency: str = ""
    refused: str = ""


class HttpCarrier:
    """A carrier behind a URL. `timeout_seconds` bounds a whole exchange."""

    def __init__(self, url: str, token: str = "", timeout_seconds: float = 10.0) -> None:
        self._outbound = outbound.Outbound(
            url,
            connect_seconds=min(3.0, timeout_seconds),
            total_seconds=timeout_seconds,
            headers={"Authorization": f"Bearer {token}"} if token else None,
        )

    async def open(self) -> None:
        """Get ready; connects on first use."""
        await self._outbound.open()

    async def close(self) -> None:
        """Let all connections go."""
        await self._outbound.close()

    async def buy(self, request: LabelRequest) -> Label | Refused:
        """Ask for a label; the reference makes a repeated question harmless."""
        body = asdict(request)
        status, answer = await self._ask("POST", request.reference, json=body)
        if status in REFUSALS:
            return Refused(answer.refused or f"refused with status {status}")
        return self._label(status, answer, request.reference)

    async def look_up(self, reference: str) -> Label | Refused | None:
        """Ask what became of a reference."""
        status, answer = await self._ask("GET", reference, params={"reference": reference})
        if status == 404:
            return None
        if answer.refused:
            return Refused(answer.refused)
        return self._label(status, answer, reference)

    async def void(self, reference: str) -> Voided | Refused:
        """Give a label back."""
        status, answer = await self._ask("DELETE", reference, params={"reference": reference})
        if status in REFUSALS:
            return Refused(answer.refused or f"refused with status {status}")
        if status not in TAKEN and status != 404:
            raise NoAnswer(f"the carrier answered {status} to a void of {reference}")
        return Voided()

    def _label(self, status: int, answer: _Answer, reference: str) -> Label:
        if status not in TAKEN or not answer.tracking_number:
            raise NoAnswer(f"the carrier answered {status} without a label for {reference}")
        if answer.reference != reference:
            raise NoAnswer(f"the carrier answered for {answer.reference!r} when asked for {reference!r}")
        return Label(
            reference, answer.tracking_number, answer.tracking_url, answer.cost_minor, answer.currency
        )

    async def _ask(self, method: str, reference: str, **more: Any) -> tuple[int, _Answer]:
        try:
            status, body = await self._outbound.ask(
                method, "labels", headers={"Idempotency-Key": reference}, **more
            )
        except outbound.NoAnswer as lost:
            raise NoAnswer(str(lost)) from lost
        return status, _read(body, status)


def _read(body: bytes, status: int) -> _Answer:
    """The body of an answer that says something; other statuses speak for themselves."""
    if status not in TAKEN | REFUSALS:
        return _Answer()
    try:
        return msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as unreadable:
        if status in REFUSALS:
            return _Answer()
        raise NoAnswer(f"the answer is not what was agreed: {unreadable}") from unreadable
