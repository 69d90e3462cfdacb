"""I10 and I11: a stream that is not its store, a state that is not its log, are found; so is a bus that is away."""

from __future__ import annotations

from pathlib import Path

from chassis.bus import Bus
from tests.ops.house import House, broken
from tests.ops.true_story import history


async def test_a_changed_payload_in_the_stream_is_found(tmp_path: Path, bus: Bus) -> None:
    """The twin is compared byte for byte."""
    house = history()
    house.published[3] = b'{"order_id":"shop:1","amount_minor":1}'
    found = await broken(house, tmp_path, bus)
    assert found == {
        "I10": "payment/shop:1 at BILLING 3, BILLING/3: the payload in the stream is not the one in the store"
    }


async def test_a_stream_that_lacks_its_end_is_found(tmp_path: Path, bus: Bus) -> None:
    """The relay stopped, and did not go on."""
    house = history()
    await House(said={**history().said, "notify": []}, messages=house.messages).publish(bus)
    live = house.write(tmp_path)
    found = await _audited(house, tmp_path, live, bus)
    assert found["I10"] == "NOTIFY: 7 of 7 events are in the store and not in the stream"


async def test_a_message_that_the_store_never_wrote_is_found(tmp_path: Path, bus: Bus) -> None:
    """Somebody else published on a service's stream."""
    house = history()
    await house.publish(bus)
    await bus.publish("evt.notify.notification_sent.v1", b"{}", {"ce-sequence": "8"})
    live = house.write(tmp_path)
    found = await _audited(house, tmp_path, live, bus)
    assert "NOTIFY: has 8 messages, the store 7 events" in found["I10"]


async def test_without_a_bus_nothing_is_claimed(tmp_path: Path) -> None:
    """What cannot be checked is not said to hold."""
    found = await broken(history(), tmp_path, None)
    assert set(found) == {"I1", "I10"}
    assert "start the system" in found["I10"]


async def test_a_state_that_its_events_do_not_make_is_found(tmp_path: Path, bus: Bus) -> None:
    """A row was changed behind the log's back."""
    house = history()
    house.states["payment/shop:2"] = {"events": 99}
    found = await broken(house, tmp_path, bus)
    assert list(found) == ["I11"]
    assert found["I11"].startswith("billing: rebuilt entity payment/shop:2")


async def _audited(house: House, data: Path, live, bus: Bus) -> dict[str, str]:
    """As `House.audit`, over what a test has published itself."""
    verdicts = await house.judge(data, live, bus)
    return {verdict.id: verdict.detail for verdict in verdicts.values() if not verdict.holds}
