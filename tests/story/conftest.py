"""One running shop for all stories: started by `doorstep up`, ended by SIGTERM as a host would end it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.ops.running import Up, ten_free_ports
from tests.story.shop import GATEWAY_COLLECTS, Shop

STOCK = {"LAMP": 10, "MUG": 5, "VASE": 5, "CHAIR": 50, "DESK": 50, "CLOCK": 50, "PLATE": 50, "ROSE": 50}
"""What lies on the shelves at first. Each story has articles of its own, so that it can count what is left."""


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real system without the demo. Afterwards everything it has in its books must be true, and it must drain."""
    flags = ("--autopilot", "--store", request.param)
    up = Up(tmp_path_factory.mktemp("shop") / "var", ten_free_ports(), flags, environment=GATEWAY_COLLECTS)
    try:
        up.start()
        shop = Shop(up)
        shop.stock_up(tmp_path_factory.mktemp("stock"), **STOCK)
        yield shop
        assert shop.verdicts() == {}
    finally:
        ended = up.stop(signal.SIGTERM)
    assert ended == 0, up.errors()
