"""A lost store is made again from its stream, byte for byte. On the real bus."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chassis.batch import NewEvent, Position
from chassis.bootstrap import bootstrap
from chassis.bus import Bus
from chassis.catching_up import catch_up
from chassis.declare import Effect, Message
from chassis.items import Asked
from chassis.rebuild import live_rows, state_hash
from chassis.stores import open_store
from chassis.stream_copy import stored
from contracts.catalogue import STREAMS, subject_of
from contracts.parking import SERVICES
from ops.__main__ import main as doorstep
from ops.console import CannotDo
from ops.healing.stores import heal_store, readable
from ops.stores import path_of
from ops.system import System
from tests.chassis.test_unfinished import STEPS, Wanted, cut_off, decided, hesitating
from tests.chassis.toys import Accept, Files, called, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.ops.house import START, House
from tests.ops.house_tables import tables
from tests.ops.running import Up, eventually, ten_free_ports
from tests.ops.test_cli_restore import broken, feed
from tests.ops.test_cli_up import load_shop, until_fulfilled
from tests.ops.true_story import history
from tests.stores import contents

COLUMNS = "rowid, originator_id, originator_version, topic, state, headers, chain"
EVENTS = f"SELECT {COLUMNS} FROM stored_events ORDER BY rowid"
BESIDE = {
    "entities": "SELECT * FROM entities ORDER BY id",
    "timers": "SELECT * FROM timers ORDER BY entity, name",
    "calls": "SELECT * FROM calls ORDER BY entity, key",
    "tags": "SELECT * FROM tags ORDER BY tag, born, entity",
    "tag_counts": "SELECT * FROM tag_counts WHERE entities <> 0 ORDER BY tag",
}


def rows(path: Path, statement: str) -> list[Any]:
    """Straight from the file."""
    with closing(sqlite3.connect(path)) as direct:
        return direct.execute(statement).fetchall()


def lose(system_data: Path, service: str) -> Path:
    """The store is gone; what it was is kept elsewhere, to compare with."""
    path = system_data / "stores" / f"{service}.sqlite"
    kept = system_data.parent / f"lost-{service}.sqlite"
    with closing(open_store(service, read_only=True, path=path)) as store:
        store.backup(kept)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return kept


@pytest.fixture
def system(tmp_path: Path, nats_server: NatsServer) -> System:
    """Where the house lies."""
    return System(tmp_path / "var", ten_free_ports(), nats_server.url, {})


@pytest.fixture
async def house(system: System, bus: Bus) -> House:
    """The true history, in stores and streams."""
    house = history()
    for store in house.write(system.data).values():
        store.close()
    await house.publish(bus)
    return house


async def heal(system: System, service: str, *, force: bool = False) -> dict[str, Any]:
    return await heal_store(system, service, force=force, table_of=tables().__getitem__)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_event_comes_back_byte_for_byte(system: System, house: House, service: str) -> None:
    """Payload, headers as stored, versions, positions, links."""
    lost = lose(system.data, service)
    said = await heal(system, service)
    assert rows(path_of(system, service), EVENTS) == rows(lost, EVENTS)
    assert said["events"] == len(house.said[service])


async def test_reading_goes_on_after_the_newest_cause(system: System, house: House) -> None:
    """Up to there everything was applied. The cause may be far from the end of the source."""
    lost = open_store("billing", read_only=True, path=lose(system.data, "billing")).positions()["ORDERS"]
    await heal(system, "billing")
    found = open_store("billing", read_only=True, path=path_of(system, "billing")).positions()["ORDERS"]
    causes = {said.cause for said in house.said["billing"] if said.cause.startswith("orders/")}
    stream = [f"orders/{row.entity}/{row.version}" for row in house.rows("orders")]
    newest = max(stream.index(cause) + 1 for cause in causes)
    assert found == Position(newest, newest)
    assert found.position <= lost.position


async def test_a_store_that_is_there_is_not_replaced_unasked(system: System, house: House) -> None:
    """It may hold what the stream does not."""
    with pytest.raises(CannotDo, match="--force replaces it by what the stream says"):
        await heal(system, "orders")
    assert (await heal(system, "orders", force=True))["events"] == len(house.said["orders"])


async def test_a_store_without_an_event_is_as_good_as_none(system: System, house: House) -> None:
    """A service that was started once without its store has made an empty one."""
    lose(system.data, "orders")
    open_store("orders", path=path_of(system, "orders")).close()
    assert (await heal(system, "orders"))["events"] == len(house.said["orders"])


async def test_the_store_of_a_running_service_is_left_alone(system: System, house: House) -> None:
    """Its lock says so."""
    with path_of(system, "orders").with_suffix(".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CannotDo, match="orders runs: stop it first"):
            await heal(system, "orders", force=True)


async def test_a_stream_with_a_hole_makes_no_store(system: System, bus: Bus) -> None:
    """Half a history is none. What was there is still there."""
    house = history()
    for store in house.write(system.data).values():
        store.close()
    gone = house.said["notify"].pop(2)
    for position, said in enumerate(house.said["notify"], start=1):
        said.position = position + (position > 2)
    await house.publish(bus)
    before = rows(path_of(system, "notify"), EVENTS)
    with pytest.raises(CannotDo, match="NOTIFY lacks the events 3 to 3"):
        await heal(system, "notify", force=True)
    assert gone
    assert rows(path_of(system, "notify"), EVENTS) == before
    assert not path_of(system, "notify").with_suffix(".arriving").exists()


async def test_an_empty_stream_makes_no_store(system: System, bus: Bus) -> None:
    """Both copies are gone: that is what backups are for."""
    with pytest.raises(CannotDo, match="ORDERS holds no event of orders"):
        await heal(system, "orders")
    assert not path_of(system, "orders").exists()


async def test_without_its_causes_nobody_knows_where_it_was(system: System, house: House, bus: Bus) -> None:
    """A source that was lost too has to be healed first."""
    lose(system.data, "notify")
    await bus.jetstream.delete_stream("ORDERS")
    await bootstrap(bus)
    with pytest.raises(CannotDo, match=r"ORDERS lacks orders/order/shop:1/\d, .* heal that stream first"):
        await heal(system, "notify")


async def test_what_somebody_else_put_into_the_stream_is_passed_over(
    system: System, house: House, bus: Bus
) -> None:
    """It is in the stream, and in no history."""
    await bus.publish(subject_of("notify.NotificationSent.v1"), b"{}", {"ce-source": "/elsewhere"})
    lost = lose(system.data, "notify")
    await heal(system, "notify")
    assert rows(path_of(system, "notify"), EVENTS) == rows(lost, EVENTS)


async def test_the_command_wants_to_know_which_copy(tmp_path: Path) -> None:
    """Both or none is a slip."""
    told = CliRunner().invoke(doorstep, ["heal", "orders", "--data", str(tmp_path)])
    said = "say which copy is lost: --stream (the store makes it again) or --store (the stream does)"
    assert (told.exit_code, told.stderr) == (1, f"doorstep: {said}\n")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_store_of_a_real_system_is_rebuilt_and_goes_on_as_if_nothing_had_been(
    up: Up, tmp_path: Path
) -> None:
    """Orders, refused and parked messages, then each store lost in turn: the same tables, and nothing decided twice."""
    up.start()
    load_shop(up, tmp_path)
    for order_id in feed(up, range(4)):
        until_fulfilled(up, order_id)
    nonsense = up.run(
        "publish", "--channel", "shopify", "--topic", "orders/create", "--stdin", stdin='{"id": 1}'
    )
    assert nonsense.returncode == 0, nonsense.stderr
    eventually(lambda: json.loads(up.run("park", "list", "--json").stdout)["parked"], 20, "it is parked")
    eventually(lambda: not broken(up), 30, "all invariants hold", every=1)
    assert up.stop() == 0

    ends = {}
    for service in SERVICES:
        lost, path = lose(up.data, service), up.data / "stores" / f"{service}.sqlite"
        healed = up.run("heal", service, "--store", "--json")
        assert healed.returncode == 0, healed.stderr
        assert rows(path, EVENTS) == rows(lost, EVENTS)
        for table, statement in BESIDE.items():
            assert rows(path, statement) == rows(lost, statement), (service, table)
        assert json.loads(healed.stdout)["state_hash"] == _hash(service, lost)
        ends[service] = json.loads(healed.stdout)["events"]

    up.start()
    eventually(lambda: not broken(up), 40, f"all invariants hold: {broken(up)}", every=1)
    positions = {name: service["position"] for name, service in up.status()["services"].items()}
    assert positions == ends, "what was read again caused nothing"
    assert STREAMS.keys() > positions.keys()
    assert up.stop() == 0


def _hash(service: str, path: Path) -> str:
    with closing(open_store(service, read_only=True, path=path)) as store, store.snapshot() as still:
        return state_hash(live_rows(still))


async def test_what_a_relay_published_becomes_the_store_it_came_from(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Timers, calls, tags and counts too; and then nothing is done twice."""
    folder, system = (
        tmp_path / "var" / "stores",
        System(tmp_path / "var", ten_free_ports(), nats_server.url, {}),
    )
    inventory = toy_inventory(Effect(_unanswered, called))
    orders = await start(toy_orders(), nats_server.url, folder)
    running = await start(inventory, nats_server.url, folder)
    names = ("plain", "soon", "call", "1001#2", "poison")
    await orders.engine.submit([Asked(Accept(f"toy:{name}"), f"command/{name}") for name in names])
    await until(lambda: running.reactor.last_position == len(names) + 1)  # `soon` has expired
    await until(lambda: running.relay.published == len(names) + 1)
    await running.stop()
    lost, path = lose(system.data, "inventory"), path_of(system, "inventory")
    await heal_store(system, "inventory", force=False, table_of=lambda _: inventory)
    for statement in (EVENTS, *BESIDE.values()):
        assert rows(path, statement) == rows(lost, statement)
    assert rows(path, "SELECT * FROM positions") == rows(lost, "SELECT * FROM positions")

    again = await start(inventory, nats_server.url, folder)
    await orders.engine.submit([Asked(Accept("toy:next"), "command/next")])
    await until(lambda: again.reactor.last_position == len(names) + 2)
    assert again.store.events()[-1].entity == "reservation/toy:next"
    await again.stop()
    await orders.stop()


async def test_a_decision_that_was_published_half_is_left_to_the_service(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """The store ends before it. The service finishes it before it begins with anything else: all is as it was."""
    folder, system = (
        tmp_path / "var" / "stores",
        System(tmp_path / "var", ten_free_ports(), nats_server.url, {}),
    )
    inventory = hesitating(Wanted())
    orders = await start(toy_orders(), nats_server.url, folder)
    with closing(await decided(orders, nats_server.url, Files(folder), Files(tmp_path / "older"))) as store:
        await cut_off(bus, "INVENTORY", store, 2 * STEPS - 1)
        before = contents(store)
    lose(system.data, "inventory")
    said = await heal_store(system, "inventory", force=False, table_of=lambda _: inventory)
    assert (said["events"], said["to_be_finished"]) == (STEPS, STEPS - 1)
    assert "the stream ends with the first 2 events of a decision" in readable(said)
    with closing(open_store("inventory", path=path_of(system, "inventory"))) as healed:
        assert await catch_up(inventory, healed, bus) == STEPS - 1
        assert contents(healed) == before
    await orders.stop()


def test_a_name_that_needs_an_encoding_on_the_wire_comes_back_as_it_was() -> None:
    """Entities are stored as they are called; headers are printable ASCII."""
    headers = {
        "ce-id": "inventory/sku/Gr%C3%B6%C3%9Fe%20100%25/7",
        "ce-type": "inventory.SkuRegistered.v1",
        "ce-subject": "sku/Gr%C3%B6%C3%9Fe%20100%25",
        "ce-sequence": "12",
        "ce-time": "2026-11-21T12:00:00.000000Z",
        "ce-causationid": "command/1",
        "Nats-Msg-Id": "x",
    }
    event = stored(Message("INVENTORY", 12, "evt.inventory.sku_registered.v1", headers, b"{}", START))
    block = b"ce-time: 2026-11-21T12:00:00.000000Z\r\nce-causationid: command/1\r\n"
    assert event == NewEvent(12, "sku/Größe 100%", 7, "inventory.SkuRegistered.v1", b"{}", block)


async def test_reading_from_the_start_again_would_park_twice(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Why the newest cause is where reading goes on: decisions know what they did, parking does not."""
    orders = await start(toy_orders(), nats_server.url, tmp_path)
    running = await start(toy_inventory(), nats_server.url, tmp_path)
    await orders.engine.submit(
        [Asked(Accept(f"toy:{name}"), f"command/{name}") for name in ("a", "poison", "b")]
    )
    await until(lambda: running.reactor.last_position == 3)
    await until(lambda: running.relay.published == 3)
    await running.stop()
    with sqlite3.connect(tmp_path / "inventory.sqlite") as direct:
        direct.execute("DELETE FROM positions")
    from_the_start = await start(toy_inventory(), nats_server.url, tmp_path)
    await until(lambda: from_the_start.reactor.positions.get("ORDERS"))
    await until(lambda: from_the_start.reactor.positions["ORDERS"].position == 3)
    assert [event.type for event in from_the_start.store.events(after=3)] == ["inventory.MessageParked.v1"]
    await from_the_start.stop()
    await orders.stop()


async def _unanswered(key: str, payload: Any) -> Any:
    raise ConnectionError("nobody there")
