"""One PostgreSQL for all tests of the chassis, and both places where a store can be."""

from __future__ import annotations

import pytest

from tests.chassis.toys import Stores, stores_of
from tests.postgres import database as database


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """The chassis promises the same on both."""
    return stores_of(request)
