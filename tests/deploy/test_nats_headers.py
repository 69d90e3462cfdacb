"""What a publisher can ask of a stream by headers: nothing that takes away, hides or sends on what others have said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import nats.errors
import pytest

from chassis.bootstrap import bootstrap
from chassis.bus import connect
from contracts.catalogue import STREAMS
from tests.conftest import free_port
from tests.deploy.guarded import GuardedServer, Intruder, login_of

SUBJECT = "evt.channels.market.order_placed"
FIRST = b'{"said":"first"}'
REFUSED = {
    "all before it rolled up": {"Nats-Rollup": "all"},
    "its subject rolled up": {"Nats-Rollup": "sub"},
    "gone after a second": {"Nats-TTL": "1s"},
    "a marker of a deletion": {"Nats-Marker-Reason": "Purge", "Nats-TTL": "1s"},
    "said later, elsewhere": {
        "Nats-Schedule": "@at 2030-01-01T00:00:00Z",
        "Nats-Schedule-Target": "evt.orders.order_cancelled.v1",
    },
    "said again and again": {"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": SUBJECT},
    "a counter": {"Nats-Incr": "+1"},
    "a batch that begins with its end": {
        "Nats-Batch-Id": "b",
        "Nats-Batch-Sequence": "2",
        "Nats-Batch-Commit": "1",
    },
    "said to come from a mirror": {"Nats-Stream-Source": "ORDERS 1 > >"},
    "another stream expected": {"Nats-Expected-Stream": "ORDERS"},
}
STORED_AS_IT_IS = {
    "put back in place of another": {"Nats-Sequence": "1", "Nats-Stream": "ORDERS"},
    "said to be no message": {"Status": "404", "Description": "No Messages"},
}


@pytest.fixture
async def publisher(tmp_path: Path) -> AsyncIterator[Intruder]:
    """`channels`, on a server as delivered, where somebody has said something before."""
    server = GuardedServer(tmp_path / "nats", free_port(), free_port())
    server.start()
    try:
        async with connect(server.url, "bootstrap", login=login_of("bootstrap")) as bus:
            await bootstrap(bus)
        async with connect(server.url, "orders", login=login_of("orders")) as bus:
            await bus.publish(SUBJECT, FIRST)
        publisher = await Intruder.connect(server, "channels")
        yield publisher
        await publisher.client.close()
        async with connect(server.url, "ops", login=login_of("ops")) as bus:
            first, *_ = [message.data async for message in bus.read("CHANNELS")]
            assert first == FIRST
            others = [name for producer, name in STREAMS.items() if producer != "channels"]
            assert [await bus.stream_info(name) for name in others] == [(0, 0, 0)] * len(others)
    finally:
        server.stop()


async def said(publisher: Intruder, headers: dict[str, str]) -> dict[str, object]:
    """What the stream answers to a message with these headers; nothing where it says nothing."""
    try:
        answer = await publisher.client.request(SUBJECT, b"{}", 2, headers=headers)
    except nats.errors.TimeoutError:
        return {}
    found: dict[str, object] = json.loads(answer.data)
    return found


@pytest.mark.parametrize("wish", REFUSED)
async def test_the_stream_refuses_what_its_configuration_does_not_allow(
    publisher: Intruder, wish: str
) -> None:
    """The message is not stored either."""
    assert "error" in await said(publisher, REFUSED[wish])


@pytest.mark.parametrize("wish", STORED_AS_IT_IS)
async def test_what_means_nothing_to_the_stream_is_stored_behind_the_others(
    publisher: Intruder, wish: str
) -> None:
    """As one more message of the same channel, to be refused where it is read."""
    assert (await said(publisher, STORED_AS_IT_IS[wish])).get("seq") == 2
