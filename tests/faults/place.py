"""A shop of a module's own that its tests put into trouble, one after the other: each judges all orders there were."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from tests.faults.machine import machine
from tests.faults.sales import Sale
from tests.faults.siege import Siege
from tests.faults.trouble import siege_of
from tests.story.shop import Shop


class Place(NamedTuple):
    """A shop, and every order that it had so far."""

    shop: Shop
    sold: list[Sale]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with machine(tmp_path_factory.mktemp("place")) as running:
        yield Place(running.shop, [])


@pytest.fixture
async def siege(place: Place) -> AsyncIterator[Siege]:
    async with siege_of(place.shop) as attacker:
        yield attacker
