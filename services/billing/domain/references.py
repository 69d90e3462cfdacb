"""Finding what a statement's reference means: the payment it names, in any of the ways providers name one.

Tried in turn: our payment or refund id, our order id, the provider's own order id (`1001` of provider `shopify` is
`shopify:1001`), and any reference that a channel or the gateway gave us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.billing.domain.payment import Payment, order_in, payment_entity
from services.billing.domain.world import World


def entities_named(reference: str, channel: str) -> tuple[str, ...]:
    """The payments that a reference may name by itself."""
    if not reference:
        return ()
    return (payment_entity(order_in(reference)), payment_entity(f"{channel}:{reference}"))


def channel_for(provider: str, channel_of: Mapping[str, str]) -> str:
    """The channel that a provider pays out for; by default they have the same name."""
    return channel_of.get(provider, provider)


@dataclass(frozen=True, slots=True)
class References:
    """The payments of one provider's statement."""

    world: World
    channel: str

    def payment(self, reference: str) -> Payment | None:
        """The payment that is meant, or None."""
        return next(self._candidates(reference), None)

    def paid_out_in(self, settles: str) -> str:
        """The payout that already settled this payment or refund, or nothing."""
        return next((entity.partition("/")[2] for entity in self.world.tagged(f"paid:{settles}", 1)), "")

    def _candidates(self, reference: str) -> Iterator[Payment]:
        for entity in entities_named(reference, self.channel):
            if (payment := self.world.state(entity)) is not None:
                yield payment
        for entity in self.world.tagged(f"ref:{reference}", 1) if reference else ():
            if (payment := self.world.state(entity)) is not None:
                yield payment
