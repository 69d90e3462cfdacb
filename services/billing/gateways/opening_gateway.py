"""A gateway that is told whom it collects from: the address is sealed until here."""

from __future__ import annotations

from chassis.keys.ring import Opens
from contracts.address import Recipient
from contracts.frozen import replace
from contracts.personal import ERASED, without_personal
from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.gateway import Gateway


class OpeningGateway:
    """Any gateway, with the e-mail address of each capture readable; empty where the customer was forgotten."""

    def __init__(self, gateway: Gateway, opens: Opens) -> None:
        self._gateway = gateway
        self._opens = opens

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        """Collect. Raises `KeysAway` before anything is asked."""
        recipient = await self._opens.open(Recipient(email=call.email))
        email = "" if recipient.email == ERASED else recipient.email
        answer = await self._gateway.capture(replace(call, email=email))
        if isinstance(answer, Declined):
            return replace(answer, reason=without_personal(answer.reason, recipient))
        return answer

    async def look_up(self, call: CaptureCall) -> Captured | Declined | None:
        """What became of a capture."""
        return await self._gateway.look_up(call)

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        """Give back: no personal data goes with it."""
        return await self._gateway.refund(call)

    async def look_up_refund(self, call: RefundCall) -> Refunded | Declined | None:
        """What became of a refund."""
        return await self._gateway.look_up_refund(call)
