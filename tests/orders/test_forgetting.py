"""That a customer was forgotten is recorded once, with who had it done, and names nobody."""

from __future__ import annotations

from contracts.frozen import replace
from contracts.orders import CustomerForgotten
from services.orders.domain.commands import ForgetCustomer
from tests.orders.situations import ID, spec

FORGET = ForgetCustomer(key="k1", orders=(ID,), actor="dpo", reason="asked to")
FORGOTTEN = CustomerForgotten(key="k1", orders=(ID,), actor="dpo", reason="asked to")


def test_a_forgotten_customer_is_recorded() -> None:
    """By the id of the key that was destroyed."""
    spec.when(FORGET).then(FORGOTTEN)


def test_it_is_recorded_once() -> None:
    """`doorstep erase` may be run again wherever it was cut off."""
    spec.given(FORGOTTEN).when(FORGET).then()


def test_messages_that_are_found_later_are_recorded_too() -> None:
    """They must not come back with an older copy of the keys; each of them is said once."""
    more = replace(FORGET, bodies=("b1", "b2"))
    spec.given(FORGOTTEN).when(more).then(FORGOTTEN.model_copy(update={"bodies": ("b1", "b2")}))
    spec.given(FORGOTTEN.model_copy(update={"bodies": ("b1",)})).when(more).then(
        FORGOTTEN.model_copy(update={"bodies": ("b2",)})
    )
