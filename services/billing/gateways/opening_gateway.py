"""A gateway that is told whom it collects from: the address is sealed until here."""

from __future__ import annotations

from chassis.keys.ring import Opens
from chassis.quotations import quoting_nobody, without_personal
from contracts.address import Recipient
from contracts.frozen import replace
from contracts.personal import ERASED
from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.gateway import Gateway

NOBODY = Recipient()


class OpeningGateway:
    """Any gateway, with the e-mail address of each capture readable; empty where the customer was forgotten.

    Whatever it answers, or fails with, quotes nobody: that is kept, and logged.
    """

    def __init__(self, gateway: Gateway, opens: Opens) -> None:
        self._gateway = gateway
        self._opens = opens

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        """Collect. Raises `KeysAway` before anything is asked."""
        recipient = await self._opens.open(Recipient(email=call.email))
        email = "" if recipient.email == ERASED else recipient.email
        with quoting_nobody(recipient):
            return _quoting_nobody(await self._gateway.capture(replace(call, email=email)), recipient)

    async def look_up(self, call: CaptureCall) -> Captured | Declined | None:
        """What became of a capture. Raises `KeysAway` before anything is asked."""
        recipient = await self._opens.open(Recipient(email=call.email))
        with quoting_nobody(recipient):
            answer = await self._gateway.look_up(call)
        return _quoting_nobody(answer, recipient) if answer else None

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        """Give back: no personal data goes with it."""
        with quoting_nobody(NOBODY):
            return _quoting_nobody(await self._gateway.refund(call), NOBODY)

    async def look_up_refund(self, call: RefundCall) -> Refunded | Declined | None:
        """What became of a refund."""
        with quoting_nobody(NOBODY):
            answer = await self._gateway.look_up_refund(call)
        return _quoting_nobody(answer, NOBODY) if answer else None


def _quoting_nobody[A: (Captured, Refunded)](answer: A | Declined, recipient: Recipient) -> A | Declined:
    if not isinstance(answer, Declined):
        return answer
    return replace(answer, reason=without_personal(answer.reason, recipient))
