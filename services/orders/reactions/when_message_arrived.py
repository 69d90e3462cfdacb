"""A message of a channel arrives: an order, a return, nothing for us, or something that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chassis.declare import Decision, Message, Step
from contracts.event import Event
from services.orders.domain.commands import PlaceOrder, RecordReturn, RefuseMessage
from services.orders.domain.messages import record_return, refuse_message, return_entity
from services.orders.domain.placing import order_id_of, place_order
from services.orders.domain.states import entity_of
from services.orders.domain.world import World

type Told = PlaceOrder | RecordReturn | RefuseMessage | None
"""What a message asks for; None where it concerns nobody."""
type Reader = Callable[[Message], Told]

READ_AHEAD_MAX = 2_000
"""Messages read and not yet decided: a few batches at most."""


class MessageArrived:
    """Reads each message once: first to know which states it needs, then to decide."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._read_ahead: dict[str, Told] = {}

    def needs(self, message: Message) -> Iterable[str]:
        """The one entity that the message is about."""
        if len(self._read_ahead) >= READ_AHEAD_MAX:
            self._read_ahead.clear()
        told = self._read_ahead[message.id] = self._read(message)
        match told:
            case PlaceOrder(order=order):
                return (entity_of(order_id_of(order)),)
            case RecordReturn():
                return (return_entity(told),)
            case RefuseMessage(refusal=refusal):
                return (refusal.message,)
            case None:
                return ()

    def then(self, message: Message, world: World) -> list[Event]:
        """Decide it. A message read ahead is not read twice."""
        told = self._read_ahead.pop(message.id) if message.id in self._read_ahead else self._read(message)
        match told:
            case PlaceOrder():
                return place_order(told, world)
            case RecordReturn():
                return record_return(told, world)
            case RefuseMessage():
                return refuse_message(told, world)
            case None:
                return []


def when_message_arrived(read: Reader) -> Step:
    """The step for a channel's raw messages, with the given way of reading them."""
    arrived = MessageArrived(read)
    decide: Decision = arrived.then
    return Step(decide, arrived.needs)
