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
    """A key that was destroyed; `orders` is how many orders it had sealed, `bodies` whose keys went with it."""

    orders: int
    bodies: tuple[str, ...] = ()


def customer_entity(key: str) -> str:
    """A customer is known by the id of the key: `customer/8Jx…`."""
    return f"customer/{key}"


def forget_customer(command: ForgetCustomer, world: World) -> list[Event]:
    """Said once; whoever asks again changes nothing, unless more bodies that name them were found meanwhile."""
    known: ForgottenCustomer | None = world.state(customer_entity(command.key))
    found = tuple(body for body in command.bodies if known is None or body not in known.bodies)
    if known is not None and not found:
        return []
    return [
        CustomerForgotten(
            key=command.key,
            orders=command.orders,
            bodies=found,
            actor=command.actor,
            reason=command.reason,
        )
    ]


def evolve_customer(known: ForgottenCustomer | None, event: CustomerForgotten, _: str) -> ForgottenCustomer:
    """Forgotten, and there is no way back."""
    return ForgottenCustomer(len(event.orders), (*(known.bodies if known else ()), *event.bodies))


def customer_tags(_: ForgottenCustomer) -> Iterator[str]:
    """Counted, and found when keys are put back from a backup."""
    yield "customer=forgotten"
