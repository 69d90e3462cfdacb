"""What the auditor works from: one consistent snapshot per store, and what each consumer had applied in it.

The snapshots are not of the same instant. So nothing is demanded of a consumer but for what its own
snapshot says it has applied, and a cause that a snapshot lacks is looked up in the store as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chassis.batch import StoredEvent
from chassis.event_store import Store
from contracts.catalogue import STREAMS

PAGE = 2000

type Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Snapshots and live stores by service, what each consumer has applied, and where each snapshot ends."""

    stores: Mapping[str, Store]
    live: Mapping[str, Store]
    applied: Mapping[str, Mapping[str, int]]
    lasts: Mapping[str, int]

    def has_applied(self, consumer: str, producer: str, position: int) -> bool:
        """Whether the consumer's snapshot includes what it did on this event of the producer."""
        return self.applied[consumer].get(STREAMS[producer], 0) >= position

    def exists_now(self, service: str, entity: str, version: int) -> bool:
        """Whether the store has this event by now. What caused something was there before it, so it must."""
        store = self.live.get(service)
        found = store.load([entity]).get(entity) if store else None
        return found is not None and found.version >= version

    def since(self, service: str) -> Iterator[StoredEvent]:
        """What happened after the snapshot."""
        return all_events(self.live[service], after=self.lasts[service])


def weigh(stores: Mapping[str, Store], live: Mapping[str, Store]) -> Evidence:
    """Evidence from open snapshots, and the same stores as they go on."""
    return Evidence(
        stores=stores,
        live=live,
        applied={
            name: {s: at.position for s, at in store.positions().items()} for name, store in stores.items()
        },
        lasts={name: store.last_position() for name, store in stores.items()},
    )


def all_events(store: Store, after: int = 0, entity: str | None = None) -> Iterator[StoredEvent]:
    """Every event of a store in order, a page at a time."""
    while page := store.events(after=after, limit=PAGE, entity=entity):
        yield from page
        after = page[-1].position


def header(event: StoredEvent, name: str) -> str:
    """One header of a stored event, without reading the others; empty if it has none of that name."""
    _, _, rest = b"\r\n".join((b"", event.raw_headers)).partition(b"\r\n" + name.encode() + b": ")
    return rest.partition(b"\r\n")[0].decode()


def producer_of(event_type: str) -> str:
    """The service that says it: `orders.OrderAccepted.v1` is said by `orders`."""
    return event_type.partition(".")[0]


def spot(event: StoredEvent) -> str:
    """Where an event stands, for people: `order/shopify:1001 at ORDERS 17`."""
    return f"{event.entity} at {producer_of(event.type).upper()} {event.position}"


def units(lines: Iterable[Facts]) -> dict[str, int]:
    """Lines summed per SKU."""
    summed: dict[str, int] = {}
    for line in lines:
        summed[line["sku"]] = summed.get(line["sku"], 0) + line["quantity"]
    return summed
