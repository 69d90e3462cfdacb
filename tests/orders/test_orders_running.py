"""The service as it runs: real HTTP, a real store, the real nats-server."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from chassis.bus import Bus, open_bus
from chassis.keys.away import KeysAway
from chassis.keys.master import MasterKey
from chassis.keys.personal_data import key_store
from chassis.keys.sqlite import SQLiteKeys
from chassis.rebuild import all_events, fold, live_rows, state_hash
from chassis.service import Running
from chassis.settings import SERVICE_PORTS, System
from contracts.catalogue import subject_of
from contracts.channels import OrderPlaced
from contracts.event import Event
from services.orders.intake.reading import Placed
from services.orders.intake.sealing import SealedReadings
from services.orders.wiring import build
from tests.conftest import NatsServer, free_port, until
from tests.orders.situations import (
    DEMAND,
    ID,
    ORDER,
    parcel_dispatched,
    payment_captured,
    stock_reserved,
)
from tests.stores import Stores

CONFIG = """
[channels.shop]
kind = "canonical"
secret = "s3cret"
"""
PLACED = orjson.loads(OrderPlaced(order=ORDER).to_bytes())["order"]
SIGNED = {"actor": "mira", "reason": "changed my mind"}


@dataclass
class Client:
    """Speaks to the service as the page and the other services do."""

    session: aiohttp.ClientSession
    running: Running
    bus: Bus
    told: Counter[str] = field(default_factory=Counter)

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(path) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self.session.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def tell(self, event: Event) -> None:
        """Publish a fact as its service would."""
        stream = subject_of(event.TYPE).split(".")[1]
        self.told[stream] += 1
        position = self.told[stream]
        headers = {"ce-type": event.TYPE, "ce-sequence": str(position), "ce-id": f"{stream}/{position}"}
        await self.bus.publish(subject_of(event.TYPE), event.to_bytes(), headers)

    async def ship(self) -> Any:
        """Answer for the other services, each when it would; the order as it is shown then."""
        await self.tell(stock_reserved())
        await until(lambda: self._has(payment="pending"))
        await self.tell(payment_captured())
        await until(lambda: self._has(state="released"))
        await self.tell(parcel_dispatched("p1", *DEMAND, last=True))
        return await until(lambda: self._has(state="fulfilled"))

    async def _has(self, state: str = "", payment: str = "") -> Any:
        _, order = await self.get(f"/orders/{ID}")
        return order if order["state"] == state or order["payment"]["state"] == payment else None


@pytest.fixture
async def client(
    bus: Bus,
    nats_server: NatsServer,
    tmp_path: Path,
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
    own_data: Path,
) -> AsyncIterator[Client]:
    """A service of its own for one test."""
    config = tmp_path / "doorstep.toml"
    config.write_text(CONFIG)
    monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
    settings = System(
        data=tmp_path, port_base=free_port() - SERVICE_PORTS["orders"], nats_url=nats_server.url
    )
    own_bus = await open_bus(nats_server.url, "test-orders")
    running = Running(build(), settings, own_bus, stores.open("orders"))
    await running.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{settings.port_of('orders')}") as session:
        yield Client(session, running, bus)
    await running.stop()


async def test_an_order_goes_from_typed_in_to_fulfilled(client: Client) -> None:
    """The whole way of one order, in the shape that others build on."""
    status, answer = await client.post("/orders", PLACED)
    assert (status, answer["order_id"]) == (201, ID)
    assert [event["type"] for event in answer["events"]] == [
        "orders.OrderReceived.v1",
        "orders.OrderAccepted.v1",
    ]
    shown = await client.ship()
    wanted = {
        "order_id": ID,
        "channel": "shop",
        "channel_order_id": "1001",
        "state": "fulfilled",
        "holds": [],
        "currency": "EUR",
        "total_minor": 6290,
        "lines": [
            {"sku": "LAMP", "quantity": 1, "total_minor": 5000},
            {"sku": "BULB", "quantity": 2, "total_minor": 800},
        ],
        "payment": {"state": "captured", "captured_minor": 6290, "refunded_minor": 0},
        "fulfilment": {
            "state": "dispatched",
            "parcels": [{"parcel_id": "p1", "tracking_number": "T-p1", "milestone": "label_created"}],
        },
        "invoices": [],
    }
    assert {name: shown[name] for name in wanted} == wanted


async def test_an_order_typed_in_twice_is_one_order(client: Client) -> None:
    """A retry after a lost answer is a success without events; wrapped or bare, it is the same order."""
    await client.post("/orders", PLACED)
    assert await client.post("/orders", {"order": PLACED}) == (200, {"events": [], "order_id": ID})


async def test_a_phone_order_needs_no_channel(client: Client) -> None:
    """It is of the channel `manual`."""
    status, answer = await client.post("/orders", {k: v for k, v in PLACED.items() if k != "channel"})
    assert (status, answer["order_id"]) == (201, "manual:1001")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"currency": "euro"}, "order.currency"),
        ({"lines": [{"sku": "A"}]}, "order.lines.0.line_id"),
        ({"placed_at": "2026-11-21T12:00:00"}, "order"),
        ({"note": "x" * 501}, "order"),
        ({"ship_to": {"region": "x" * 501}}, "order"),
        ({"ship_to": {"country": "Narnia"}}, "order"),
        ({"bill_to": {"country": "XX"}}, "order"),
    ],
)
async def test_an_order_that_does_not_fit_the_schema_is_answered_with_the_field(
    client: Client, wrong: dict[str, Any], field: str
) -> None:
    """422 tells the person at the phone what to correct."""
    status, answer = await client.post("/orders", {**PLACED, **wrong})
    assert (status, answer["field"]) == (422, field)


async def test_a_held_order_is_found_by_its_hold_and_released_by_a_person(client: Client) -> None:
    """Actor and reason are recorded; the order goes on."""
    await client.post("/orders", {**PLACED, "total_minor": 1})
    (found,) = (await client.get("/orders?state=held&hold=totals_mismatch"))[1]["orders"]
    (hold,) = found["holds"]
    assert (hold["reason"], hold["owner"]) == ("totals_mismatch", "accounting")
    assert hold["since"].endswith("Z")
    assert "difference -6289" in hold["detail"]
    status, answer = await client.post(f"/orders/{ID}/holds/totals_mismatch/release", SIGNED)
    assert status == 200
    released, accepted = answer["events"]
    assert released["data"]["actor"] == "mira"
    assert accepted["type"] == "orders.OrderAccepted.v1"
    assert (await client.get("/orders?hold=totals_mismatch"))[1] == {"orders": [], "next": None}


async def test_an_order_is_held_by_hand_and_cancelled(client: Client) -> None:
    """What a person decides answers with the order as it is then."""
    await client.post("/orders", PLACED)
    status, answer = await client.post(f"/orders/{ID}/holds", SIGNED)
    assert (status, answer["order"]["state"]) == (200, "held")
    status, answer = await client.post(f"/orders/{ID}/cancel", SIGNED)
    assert (status, answer["order"]["state"], answer["order"]["holds"]) == (200, "cancelled", [])
    assert await client.post(f"/orders/{ID}/cancel", SIGNED) == (
        200,
        {"events": [], "order": answer["order"]},
    )


async def test_a_refused_command_is_answered_409_with_the_state_and_what_is_allowed(client: Client) -> None:
    """And it is in the order's history."""
    await client.post("/orders", PLACED)
    status, answer = await client.post(f"/orders/{ID}/holds/manual/release", SIGNED)
    assert status == 409
    assert (answer["error"], answer["state"]) == ("no hold manual is open", "accepted")
    assert answer["allowed"] == ["CancelOrder", "PlaceHold", "ReleaseHold"]
    history = await client.running.runtime.history(f"order/{ID}")
    assert history[-1].type == "orders.CommandRefused.v1"


@pytest.mark.parametrize("body", [{}, {"actor": "mira"}, {"actor": " ", "reason": "x"}])
async def test_a_decision_without_actor_or_reason_is_answered_422(
    client: Client, body: dict[str, str]
) -> None:
    """Nobody decides anonymously, or for no reason."""
    await client.post("/orders", PLACED)
    status, answer = await client.post(f"/orders/{ID}/cancel", body)
    assert status == 422
    assert answer["field"] in ("actor", "reason")


async def test_what_is_not_there_is_answered_404_and_what_makes_no_sense_422(client: Client) -> None:
    """Each with what to do about it."""
    assert (await client.get("/orders/shop:9"))[0] == 404
    assert (await client.post("/orders/shop:9/cancel", SIGNED))[0] == 404
    for path in ("/orders?limit=0", "/orders?state=lost", "/orders?hold=bad", "/orders?after=shop:1"):
        status, answer = await client.get(path)
        assert (status, answer["field"]) == (422, path.split("?")[1].split("=")[0])
    assert (await client.post("/orders/shop:9/holds/bad/release", SIGNED))[1]["field"] == "reason"


async def test_orders_are_listed_in_pages_and_the_newest_without_a_filter(client: Client) -> None:
    """`next` is the cursor of the next page, null at the end."""
    for number in range(1, 6):
        await client.post("/orders", {**PLACED, "channel_order_id": str(number)})
    _, page = await client.get("/orders?state=accepted&limit=3")
    assert [found["order_id"] for found in page["orders"]] == ["shop:1", "shop:2", "shop:3"]
    _, rest = await client.get(f"/orders?state=accepted&limit=3&after={page['next']}")
    assert ([found["order_id"] for found in rest["orders"]], rest["next"]) == (["shop:4", "shop:5"], None)
    _, newest = await client.get("/orders?limit=2")
    assert [found["order_id"] for found in newest["orders"]] == ["shop:5", "shop:4"]
    _, older = await client.get(f"/orders?limit=2&after={newest['next']}")
    assert [found["order_id"] for found in older["orders"]] == ["shop:3", "shop:2"]
    _, oldest = await client.get(f"/orders?limit=2&after={older['next']}")
    assert ([found["order_id"] for found in oldest["orders"]], oldest["next"]) == (["shop:1"], None)


async def test_a_message_that_cannot_be_read_is_listed_and_stays_until_it_is_discarded(
    client: Client,
) -> None:
    """Refused, never dropped: a retry is refused again, a person lets it go."""
    await client.bus.publish("evt.channels.shop.order_placed", b"not json", {})

    async def parked() -> Any:
        return (await client.get("/ops/parked"))[1]["parked"]

    (listed,) = await until(parked)
    assert (listed["id"], listed["subject"]) == ("message/CHANNELS/1", "evt.channels.shop.order_placed")
    status, answer = await client.post(f"/ops/parked/{listed['id']}/retry", SIGNED)
    assert status == 409, answer
    status, answer = await client.post(f"/ops/parked/{listed['id']}/discard", SIGNED)
    assert (status, await parked()) == (200, [])


async def test_the_states_are_a_function_of_the_events(client: Client) -> None:
    """P5: orders held, revised, cancelled and fulfilled are rebuilt from the log, byte for byte."""
    await client.post("/orders", PLACED)
    await client.ship()
    await client.post("/orders", {**PLACED, "channel_order_id": "2", "ship_to": None})
    await client.post("/orders", {**PLACED, "channel_order_id": "2", "version": 2})
    await client.post("/orders", {**PLACED, "channel_order_id": "3"})
    await client.post("/orders/shop:3/cancel", SIGNED)
    with client.running.store.snapshot() as still:
        rebuilt = fold(client.running.reactor.service, all_events(still))
        live = state_hash(live_rows(still))
    assert state_hash(rebuilt.rows()) == live


async def test_while_the_keys_are_away_orders_wait_and_the_rest_goes_on(
    client: Client, own_data: Path
) -> None:
    """F32: nothing is stored in the clear instead. A folder in the place of the file stands for a disk that is gone."""
    assert (await client.post("/orders", PLACED))[0] == 201
    key_store().close()
    keys, aside = own_data / "keys" / "keys.sqlite", own_data / "aside"
    keys.rename(aside)
    keys.mkdir()
    newer = {**PLACED, "channel_order_id": "1002"}
    body = orjson.dumps({"order": newer})
    await client.bus.publish("evt.channels.shop.order_placed", body, {})
    await until(lambda: _not_ready_for(client, "keys"))
    assert (await client.post("/orders", newer))[0] == 503
    assert (await client.ship())["state"] == "fulfilled"
    keys.rmdir()
    aside.rename(keys)
    await until(lambda: _known(client, "shop:1002"))
    assert not [event for event in all_events(client.running.store) if b"Ada" in event.data]


async def test_keys_that_are_away_are_noticed_though_nobody_could_send_anything(
    client: Client, own_data: Path
) -> None:
    """Webhooks are not stored without keys, so that no message waits which could show it. It ends by itself, too."""
    assert (await client.get("/readyz"))[0] == 200
    key_store().close()
    keys, aside = own_data / "keys" / "keys.sqlite", own_data / "aside"
    keys.rename(aside)
    keys.mkdir()
    status, said = await client.get("/readyz")
    assert (status, [name for name, check in said["checks"].items() if not check["ok"]]) == (503, ["keys"])
    assert "cannot be used" in said["checks"]["keys"]["detail"]
    keys.rmdir()
    aside.rename(keys)
    assert (await client.get("/readyz"))[0] == 200


async def test_a_new_store_of_keys_does_not_take_the_place_of_a_lost_one(
    client: Client, own_data: Path
) -> None:
    """Orders wait until it is back: with new keys nobody would notice that the old ones are gone."""
    assert (await client.post("/orders", PLACED))[0] == 201
    lost = SealedReadings(
        lambda _: Placed(ORDER), SQLiteKeys(own_data / "new" / "keys.sqlite", lambda: MasterKey(bytes(32)))
    )
    await lost.start(client.running.runtime)
    with pytest.raises(KeysAway, match="put the backup of the keys back"):
        await lost.seal(ORDER)
    found = SealedReadings(lambda _: Placed(ORDER), key_store())
    await found.start(client.running.runtime)
    assert await found.seal(ORDER) != ORDER


async def _not_ready_for(client: Client, check: str) -> bool:
    status, said = await client.get("/readyz")
    return status == 503 and not said["checks"][check]["ok"]


async def _known(client: Client, order_id: str) -> bool:
    return (await client.get(f"/orders/{order_id}"))[0] == 200
