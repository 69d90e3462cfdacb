"""The protocol every payment gateway is adapted to.

Every call carries our reference, which is also the idempotency key: whatever is repeated under the same reference
moves money once. `look_up` and `look_up_refund` say what happened under the reference of a call, None if nothing did;
what they find has to be what was asked for, as with an answer at once. A raised exception means that there is no
answer: whether money moved is not known, and has to be looked up.
"""

from __future__ import annotations

from typing import Protocol

from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded


class GatewayUnavailable(Exception):
    """No answer that can be trusted: not reached, too late, cut off, or a fault on the gateway's side."""


class GatewayContradicts(Exception):
    """The gateway's answer is about another reference, amount or currency than was asked."""


class Gateway(Protocol):
    """Collects money and gives it back."""

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        """Collect this amount under this reference, once."""

    async def look_up(self, call: CaptureCall) -> Captured | Declined | None:
        """What became of a capture, whether or not its answer ever came."""

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        """Give this amount of a capture back under this reference, once."""

    async def look_up_refund(self, call: RefundCall) -> Refunded | Declined | None:
        """What became of a refund, whether or not its answer ever came."""
