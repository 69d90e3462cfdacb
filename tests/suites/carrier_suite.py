"""What every carrier that is called must do, whatever is behind it. Run by subclassing with a `house` fixture.

class TestHttpCarrier(CarrierSuite):
    @pytest.fixture
    async def house(self, tmp_path): yield SandboxHouse(...)
"""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from contracts.address import Address
from services.shipping.carriers.carrier import Carrier, NoAnswer
from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided


class House(Protocol):
    """A carrier under test, and the carrier's own books and manners."""

    carrier: Carrier

    async def behave(self, **behaviour: Any) -> None:
        """Have it misbehave on purchases (see the sandbox's modes)."""

    async def restart(self) -> None:
        """Stop it and start it again on the same books."""

    def truth(self) -> list[dict[str, Any]]:
        """Its books: every label, refusal and void, oldest first."""


def request(reference: str = "shopify:1001-p1-l1") -> LabelRequest:
    home = Address(
        name="Ada Lindgren", line1="Kungsgatan 1", city="Stockholm", postcode="111 43", country="SE"
    )
    parcel = reference.rpartition("-l")[0]
    return LabelRequest("sandbox", reference, parcel.rpartition("-p")[0], parcel, 2400, home)


class CarrierSuite:
    """The promises of `carriers/carrier.py`."""

    async def test_a_label_has_a_number_and_a_price(self, house: House) -> None:
        """What is needed to send the parcel and to check the carrier's bill."""
        label = await house.carrier.buy(request())
        assert isinstance(label, Label)
        assert label.reference == request().reference
        assert label.tracking_number
        assert (label.cost_minor > 0, label.currency) == (True, "EUR")

    async def test_the_same_reference_twice_is_one_label(self, house: House) -> None:
        """Asking again after a crash must not cost a second label."""
        first, second = await house.carrier.buy(request()), await house.carrier.buy(request())
        assert first == second
        assert [entry["kind"] for entry in house.truth()] == ["label"]

    async def test_two_references_are_two_labels(self, house: House) -> None:
        """Two parcels of one order travel under two numbers."""
        one, two = (
            await house.carrier.buy(request("a:1-p1-l1")),
            await house.carrier.buy(request("a:1-p2-l1")),
        )
        assert one.tracking_number != two.tracking_number

    @pytest.mark.parametrize("mode", ["timeout_after_effect", "late"])
    async def test_a_lost_answer_is_found_by_asking(self, house: House, mode: str) -> None:
        """The label exists though nobody heard of it: looking it up finds it, and it stays the only one."""
        await house.behave(mode=mode, seconds=0.0 if mode == "timeout_after_effect" else 30.0, count=1)
        with pytest.raises(NoAnswer):
            await house.carrier.buy(request())
        found = await house.carrier.look_up(request().reference)
        assert isinstance(found, Label)
        assert await house.carrier.buy(request()) == found
        assert [entry["kind"] for entry in house.truth()] == ["label"]

    async def test_a_failure_before_the_effect_leaves_nothing(self, house: House) -> None:
        """Then, and only then, the look-up knows nothing, and the call is repeated."""
        await house.behave(mode="fail_500", count=1)
        with pytest.raises(NoAnswer, match="500"):
            await house.carrier.buy(request())
        assert await house.carrier.look_up(request().reference) is None
        assert isinstance(await house.carrier.buy(request()), Label)

    async def test_a_refusal_has_a_reason_and_stays_a_refusal(self, house: House) -> None:
        """The same question gets the same answer, also when it is looked up."""
        await house.behave(mode="refuse", count=1)
        refused = await house.carrier.buy(request())
        assert refused == Refused("the carrier does not serve this address")
        assert await house.carrier.buy(request()) == refused
        assert await house.carrier.look_up(request().reference) == refused

    async def test_a_new_reference_after_a_refusal_is_a_new_question(self, house: House) -> None:
        """That is how a person's correction reaches the carrier."""
        await house.behave(mode="refuse", count=1)
        await house.carrier.buy(request())
        assert isinstance(await house.carrier.buy(request("shopify:1001-p1-l2")), Label)

    async def test_a_reference_never_used_is_unknown(self, house: House) -> None:
        """None is what allows the call to be made."""
        assert await house.carrier.look_up("nobody-l1") is None

    async def test_a_label_given_back_twice_is_void_once(self, house: House) -> None:
        """The void may be repeated after a crash like any call."""
        await house.carrier.buy(request())
        assert await house.carrier.void(request().reference) == Voided()
        assert await house.carrier.void(request().reference) == Voided()
        assert [entry["kind"] for entry in house.truth()] == ["label", "voided"]

    async def test_nothing_can_be_bought_under_a_reference_given_back(self, house: House) -> None:
        """A purchase that was still under way when its reference was voided must not make a label."""
        await house.carrier.void(request().reference)
        assert isinstance(await house.carrier.buy(request()), Refused)

    async def test_a_restart_keeps_labels_refusals_and_numbers(self, house: House) -> None:
        """The books are on disk before the answer is given."""
        label = await house.carrier.buy(request())
        await house.behave(mode="refuse", count=1)
        await house.carrier.buy(request("b:2-p1-l1"))
        await house.restart()
        assert await house.carrier.look_up(request().reference) == label
        assert await house.carrier.buy(request()) == label
        assert isinstance(await house.carrier.look_up("b:2-p1-l1"), Refused)
        other = await house.carrier.buy(request("c:3-p1-l1"))
        assert other.tracking_number != label.tracking_number
