"""The five services' own decisions, each cut off where it can be: whoever starts with the beginning finds the rest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from chassis.batch import StoredEvent
from chassis.catching_up import catch_up
from chassis.causes import cause_of, goes_on, place_in_channels
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES
from tests.simulation.bus import finished
from tests.simulation.schedule import Schedule
from tests.simulation.store import MemoryStore, Tables, rebuilt
from tests.simulation.world import World

SEEDS = range(12)
USUAL = {
    ("orders.OrderReceived.v1", "orders.OrderAccepted.v1"),
    ("orders.PaymentConfirmed.v1", "orders.OrderReleased.v1"),
    ("orders.ParcelHandedOver.v1", "orders.OrderFulfilled.v1"),
    ("billing.PaymentDue.v1", "billing.PaymentCaptured.v1"),
    ("billing.PaymentDue.v1", "billing.CaptureStarted.v1"),
    ("shipping.FulfilmentPlanned.v1", "shipping.LabelRequested.v1"),
}
"""Decisions that every order needs."""


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    """Days with all that goes wrong in one, until they were calm again."""
    return [Schedule(seed).run() for seed in SEEDS]


@pytest.mark.parametrize("service", SERVICES)
def test_a_decision_that_was_published_half_ends_as_it_had_ended(worlds: list[World], service: str) -> None:
    """To the byte, wherever it was cut, each kind of decision once a day."""
    for world in worlds:
        for first, last in kinds_of(world, service).values():
            for cut in range(first, last):
                whole = world.stores[service].tables.log[:last]
                assert after_a_cut(world, service, cut).tables.log == whole, (cut, whole[first - 1 :])


def test_these_are_the_decisions_of_an_order(worlds: list[World]) -> None:
    """So that the test above has tried them."""
    tried = {kind for world in worlds for service in SERVICES for kind in kinds_of(world, service)}
    assert tried >= USUAL


def kinds_of(world: World, service: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """By what was said: the first and the last position of the newest such decision on a message, of several events."""
    log = world.stores[service].tables.log
    return {
        tuple(event.type for event in log[first - 1 : last]): (first, last)
        for first, last in decisions(log)
        if 1 < first < last and is_of_a_message(service, log[first - 1])
    }


def decisions(log: tuple[StoredEvent, ...]) -> Iterator[tuple[int, int]]:
    """The first and the last position of each."""
    ends = [0, *(event.position for event in log if not goes_on(event))]
    return ((before + 1, end) for before, end in pairwise(ends))


def is_of_a_message(service: str, event: StoredEvent) -> bool:
    """Whether a message of one of its sources caused it."""
    cause = cause_of(event)
    sources = {STREAMS[producer] for producer in STREAMS if cause.startswith(f"{producer}/")}
    return place_in_channels(cause) is not None or bool(sources & set(sources_of(service)))


def after_a_cut(world: World, service: str, cut: int) -> MemoryStore:
    """The store of a service that has lost all but its first event, and whose stream ends at this position."""
    table, store, bus = world.shop.service(service), MemoryStore(), world.bus
    first = world.stores[service].tables.log[:1]
    store.tables = rebuilt(table, Tables(log=first, versions={first[0].entity: first[0].version}))
    messages = bus.streams[STREAMS[service]].messages
    later = messages[cut:]
    del messages[cut:]
    try:
        looked_at: Any = bus
        finished(catch_up(table, store, looked_at))
    finally:
        messages.extend(later)
    return store
