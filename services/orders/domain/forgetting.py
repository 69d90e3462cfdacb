"""A customer is forgotten: the key to their data was destroyed, by whom and why. No person is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.event import Event
from contracts.orders import CustomerForgotten
from services.orders.domain.commands import ForgetCustomer
from services.orders.domain.world import World


@dataclass(frozen=True, slots=True)
class ForgottenCustomer:
    """A key that was destroyed; `orders` is how many orders it had sealed."""

    orders: int


def customer_entity(key: str) -> str:
    """A customer is known by the id of the key: `customer/8Jx…`."""
    return f"customer/{key}"


def forget_customer(command: ForgetCustomer, world: World) -> list[Event]:
    """Said once; whoever asks again changes nothing."""
    if world.state(customer_entity(command.key)) is not None:
        return []
    return [
        CustomerForgotten(key=command.key, orders=command.orders, actor=command.actor, reason=command.reason)
    ]


def evolve_customer(_: ForgottenCustomer | None, event: CustomerForgotten, __: str) -> ForgottenCustomer:
    """Forgotten, and there is no way back."""
    return ForgottenCustomer(len(event.orders))


def customer_tags(_: ForgottenCustomer) -> Iterator[str]:
    """Counted, and found when keys are put back from a backup."""
    yield "customer=forgotten"
