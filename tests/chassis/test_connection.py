"""What the log says of the connection to the bus: what somebody should look at, and nothing else."""

from __future__ import annotations

from structlog.testing import capture_logs

from chassis.bus import Bus, open_bus
from tests.conftest import NatsServer, until


def warnings(logs: list[dict]) -> list[str]:
    return [entry["event"] for entry in logs if entry["log_level"] == "warning"]


async def test_an_orderly_end_is_no_warning(nats_server: NatsServer) -> None:
    """Every stop of a service closes its connection: a warning each time would teach people not to read them."""
    with capture_logs() as logs:
        bus = await open_bus(nats_server.url, "test")
        await bus.close()
    assert not bus.connected
    assert warnings(logs) == []


async def test_a_server_that_goes_away_is_one(bus: Bus, nats_server: NatsServer) -> None:
    """The first thing to be found in the log after an outage."""
    with capture_logs() as logs:
        nats_server.kill()
        await until(lambda: "bus_disconnected" in warnings(logs))
        nats_server.start()
        await until(lambda: bus.connected)
