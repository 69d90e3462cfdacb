"""A store that was set back and decided again: the same ids for other facts, which no stream may mix."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest

from chassis.items import Asked
from chassis.relay import StreamAhead
from tests.simulation.bus import MemoryBus
from tests.simulation.orders import workload
from tests.simulation.process import Process
from tests.simulation.shop import Outside, Shop
from tests.simulation.store import MemoryStore
from tests.simulation.world import START


def inventory_at(moment: datetime, bus: MemoryBus) -> Process:
    """An inventory with a store of its own that has registered its articles at this time."""
    random = Random(1)
    shop = Shop(Outside(random), lambda: moment, random)
    store = MemoryStore()
    process = Process(
        shop.service("inventory"), store, bus, lambda: moment, lambda point: None, lambda key: None
    )
    opening = [r for r in workload(Random(1), shop).opening if r.service == "inventory"]
    for request in opening:
        process.ask(Asked(request.command, request.id), lambda outcome: None)
    process.decide(len(opening))
    return process


def test_a_second_history_with_the_same_ids_is_refused() -> None:
    """Position, entity and version are the same; what was said when is not."""
    bus = MemoryBus(lambda: START)
    inventory_at(START, bus).publish()
    published = len(bus.streams["INVENTORY"].messages)
    again = inventory_at(START + timedelta(seconds=1), bus)

    with pytest.raises(StreamAhead, match="which this store never wrote"):
        again.publish()

    assert len(bus.streams["INVENTORY"].messages) == published > 0


def test_the_same_history_goes_on() -> None:
    """A copy of the store is the store."""
    bus = MemoryBus(lambda: START)
    inventory_at(START, bus).publish()
    published = len(bus.streams["INVENTORY"].messages)
    inventory_at(START, bus).publish()
    assert len(bus.streams["INVENTORY"].messages) == published
