"""The five services' real tables, as their wiring declares them, with the outside in memory."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from chassis.clock import Clock
from chassis.declare import Service
from services.billing.settings import BillingSettings
from services.billing.wiring import declare as billing
from services.inventory.settings import InventorySettings
from services.inventory.wiring import declare as inventory
from services.notify.courier import Courier
from services.notify.mime import Mailbox
from services.notify.settings import Settings as NotifySettings
from services.notify.wiring import declare as notify
from services.orders.domain.policies import OrderPolicies
from services.orders.settings import ChannelSettings
from services.orders.wiring import declare as orders
from services.orders.wiring import reader
from services.shipping.carriers.desk import LabelDesk
from services.shipping.domain.commands import GrantRange
from services.shipping.settings import ShippingSettings
from services.shipping.settings import ShopSettings as Sender
from services.shipping.wiring import declare as shipping
from services.shipping.wiring import first_grants
from tests.simulation.gateways import MemoryCarrier, MemoryGateway, MemoryMail, Mood

MARKET, PHONE, LATER = "market", "phone", "later"
CHANNELS = {
    MARKET: ChannelSettings(kind="canonical"),
    PHONE: ChannelSettings(kind="canonical", payment="gateway"),
    LATER: ChannelSettings(kind="canonical"),
}
"""Paid where it was bought; collected by our gateway; paid at the channel, some time later."""


class Outside:
    """Everybody we call, in one mood."""

    def __init__(self, random: Random) -> None:
        self.mood = Mood(random)
        self.gateway = MemoryGateway(self.mood)
        self.carrier = MemoryCarrier(self.mood)
        self.mail = MemoryMail(self.mood)


class Shop:
    """Settings drawn once for a seed, and from them a service's table as often as its process starts."""

    def __init__(self, outside: Outside, clock: Clock, random: Random) -> None:
        self._outside, self._clock = outside, clock
        self.shipping = ShippingSettings(
            carrier=random.choice(("doorstep", "sandbox")),
            autopilot=True,
            autopilot_after_seconds=random.choice((0, 60)),
            parcel_max_g=1000,
        )
        self._inventory = InventorySettings(reservation_minutes=random.choice((30, 7 * 24 * 60)))
        self._orders = OrderPolicies(
            gateway_channels=frozenset({PHONE}),
            payment_hold_limit=timedelta(hours=random.choice((0, 1, 168))),
        )

    def service(self, name: str) -> Service:
        """The table of a service that starts: nothing that another process had in memory is in it."""
        match name:
            case "orders":
                return orders(self._orders, reader(CHANNELS))
            case "inventory":
                return inventory(self._inventory)
            case "shipping":
                return shipping(self.shipping, desk=LabelDesk({"sandbox": self._outside.carrier}))
            case "billing":
                return billing(BillingSettings(), gateway=self._outside.gateway)
            case _:
                mailbox = Mailbox("Doorstep", "orders@shop.example")
                return notify(NotifySettings(), courier=Courier(mailbox, self._outside.mail, self._clock))

    def first_grants(self) -> tuple[GrantRange, ...]:
        """The tracking numbers to begin with."""
        return first_grants(self.shipping, Sender())
