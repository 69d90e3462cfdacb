"""How every payment gateway adapter has to behave, whatever is behind it.

A test module subclasses `GatewaySuite` and offers the fixture `twin`: an open adapter, and the hands to make the other
side misbehave, to read its books and to restart it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.gateway import Gateway, GatewayUnavailable

PAY = CaptureCall("pay-shop:1-1", 11900, "EUR", "anna@example.org")
BACK = RefundCall("refund-shop:1-1", PAY.reference, 11900, "EUR")


class Twin(Protocol):
    """A gateway under test, seen from both sides."""

    gateway: Gateway

    async def behave(self, **behaviour: Any) -> None:
        """Misbehave like this from now on."""

    async def truth(self, kind: str) -> list[dict[str, Any]]:
        """What the gateway really did: `charge` or `refund` records."""

    async def restart(self) -> None:
        """Stop the gateway and start it again on the same books."""


class GatewaySuite:
    """The behaviours. Money moves once for each reference."""

    async def test_a_capture_is_made_and_found_under_our_reference(self, twin: Twin) -> None:
        """What is answered is what a look-up says later."""
        answer = await twin.gateway.capture(PAY)
        assert isinstance(answer, Captured)
        assert (answer.reference, answer.amount_minor, answer.currency) == (PAY.reference, 11900, "EUR")
        assert answer.provider_reference
        assert await twin.gateway.look_up(PAY) == answer

    async def test_nothing_is_known_under_a_reference_never_used(self, twin: Twin) -> None:
        """None, not an error: only then may the call be made."""
        assert await twin.gateway.look_up(PAY) is None
        assert await twin.gateway.look_up_refund(BACK) is None

    async def test_the_same_reference_twice_is_one_charge(self, twin: Twin) -> None:
        """One after the other, and many at once."""
        first = await twin.gateway.capture(PAY)
        again = await asyncio.gather(*(twin.gateway.capture(PAY) for _ in range(8)))
        assert set(again) == {first}
        assert len(await twin.truth("charge")) == 1

    async def test_a_refused_capture_says_why_and_stays_refused(self, twin: Twin) -> None:
        """The same reference is never charged later; another one may be."""
        await twin.behave(mode="decline", count=1)
        refused = await twin.gateway.capture(PAY)
        assert isinstance(refused, Declined)
        assert refused.reason
        assert await twin.gateway.capture(PAY) == refused
        assert await twin.gateway.look_up(PAY) == refused
        assert isinstance(await twin.gateway.capture(CaptureCall("pay-shop:1-2", 11900, "EUR")), Captured)
        assert len(await twin.truth("charge")) == 1

    async def test_a_lost_answer_after_the_effect_is_found_by_look_up(self, twin: Twin) -> None:
        """The money has moved and nobody was told: asking finds it, repeating does not move it again."""
        await twin.behave(mode="timeout_after_effect", count=1)
        with pytest.raises(GatewayUnavailable):
            await twin.gateway.capture(PAY)
        found = await twin.gateway.look_up(PAY)
        assert isinstance(found, Captured)
        assert await twin.gateway.capture(PAY) == found
        assert len(await twin.truth("charge")) == 1

    async def test_a_fault_before_the_effect_leaves_nothing(self, twin: Twin) -> None:
        """No answer, nothing found: the same call with the same reference goes through."""
        await twin.behave(mode="fail_500", count=1)
        with pytest.raises(GatewayUnavailable):
            await twin.gateway.capture(PAY)
        assert await twin.gateway.look_up(PAY) is None
        assert isinstance(await twin.gateway.capture(PAY), Captured)

    async def test_an_answer_later_than_we_wait_is_no_answer(self, twin: Twin) -> None:
        """Time is bounded on our side; the charge that still comes is found under its reference."""
        await twin.behave(mode="late", seconds=2, count=1)
        with pytest.raises(GatewayUnavailable):
            await twin.gateway.capture(PAY)
        assert isinstance(await twin.gateway.capture(PAY), Captured)
        assert len(await twin.truth("charge")) == 1

    async def test_a_gateway_that_is_away_is_no_answer(self, twin: Twin) -> None:
        """Restarted, it keeps its charges, its refusals and its refunds: nothing moves twice."""
        charged = await twin.gateway.capture(PAY)
        refunded = await twin.gateway.refund(BACK)
        await twin.restart()
        assert await twin.gateway.look_up(PAY) == charged
        assert await twin.gateway.capture(PAY) == charged
        assert await twin.gateway.refund(BACK) == refunded
        assert (len(await twin.truth("charge")), len(await twin.truth("refund"))) == (1, 1)

    async def test_a_refund_is_made_once_and_found(self, twin: Twin) -> None:
        """Its own reference, its own look-up."""
        await twin.gateway.capture(PAY)
        answer = await twin.gateway.refund(BACK)
        assert isinstance(answer, Refunded)
        assert await twin.gateway.refund(BACK) == answer == await twin.gateway.look_up_refund(BACK)
        assert len(await twin.truth("refund")) == 1

    async def test_a_lost_refund_answer_is_found_by_look_up(self, twin: Twin) -> None:
        """As with captures: asked for before it is repeated."""
        await twin.gateway.capture(PAY)
        await twin.behave(mode="timeout_after_effect", count=1)
        with pytest.raises(GatewayUnavailable):
            await twin.gateway.refund(BACK)
        assert isinstance(await twin.gateway.look_up_refund(BACK), Refunded)
        assert len(await twin.truth("refund")) == 1

    async def test_no_more_is_given_back_than_was_charged(self, twin: Twin) -> None:
        """Too much of a charge, and anything of no charge, is refused with a reason."""
        await twin.gateway.capture(PAY)
        await twin.gateway.refund(RefundCall("refund-shop:1-1", PAY.reference, 10000, "EUR"))
        for call in (
            RefundCall("refund-shop:1-2", PAY.reference, 1901, "EUR"),
            RefundCall("refund-shop:2-1", "pay-shop:2-1", 1, "EUR"),
        ):
            assert isinstance(await twin.gateway.refund(call), Declined)
        assert len(await twin.truth("refund")) == 1

    async def test_a_reference_used_for_another_amount_moves_nothing(self, twin: Twin) -> None:
        """Refused for good: the first charge stands."""
        await twin.gateway.capture(PAY)
        assert isinstance(await twin.gateway.capture(CaptureCall(PAY.reference, 1, "EUR")), Declined)
        assert [record["amount_minor"] for record in await twin.truth("charge")] == [11900]
