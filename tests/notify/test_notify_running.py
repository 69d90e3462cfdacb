"""Notify as it runs: facts from the bus, mail in the folder, and what its HTTP side says about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from chassis.bus import Bus, open_bus
from chassis.rebuild import all_events, fold, live_rows, state_hash
from chassis.service import Assembly, Running
from chassis.settings import SERVICE_PORTS, System
from contracts.catalogue import subject_of
from contracts.event import Event
from services.notify import http
from services.notify.domain.letters import Letter, Rejected, Sent
from services.notify.senders.maildir import Maildir
from services.notify.settings import Settings, Shop
from services.notify.wiring import courier_of, declare
from tests.conftest import NatsServer, free_port, until
from tests.notify.facts import NOBODY, ORDER, accepted, dispatched, refunded
from tests.stores import Stores


@dataclass
class Bench:
    """A running notify with its store, its maildir and its port."""

    running: Running
    bus: Bus
    mail: Path
    url: str
    told: Counter[str] = field(default_factory=Counter)

    async def tell(self, event: Event) -> None:
        """Publish a fact as its service would."""
        stream = subject_of(event.TYPE).split(".")[1]
        self.told[stream] += 1
        position = self.told[stream]
        headers = {"ce-type": event.TYPE, "ce-sequence": str(position), "ce-id": f"{stream}/{position}"}
        await self.bus.publish(subject_of(event.TYPE), event.to_bytes(), headers)

    async def ask(self, path: str) -> tuple[int, Any]:
        async with ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status, await answer.json()

    def files(self) -> list[str]:
        return sorted(path.name.partition(".")[0] for path in (self.mail / "new").iterdir())


async def started(nats: NatsServer, folder: Path, stores: Stores, bus: Bus, refuse: str = "") -> Bench:
    port_base = free_port() - SERVICE_PORTS["notify"]
    system = System(data=folder, port_base=port_base, nats_url=nats.url)
    courier = courier_of(Settings(), Shop(name="Lampen Lindgren"), folder)
    await courier.mail.open()
    service = declare(Settings(), Shop(name="Lampen Lindgren"), courier)
    if refuse:
        service = _refusing(service, refuse)
    connection = await open_bus(nats.url, "notify")
    running = Running(Assembly(service, http.routes), system, connection, stores.open("notify"))
    await running.start()
    return Bench(running, bus, folder / "mail", f"http://127.0.0.1:{system.port_of('notify')}")


def _refusing(service: Any, order: str) -> Any:
    """The same service, at a mail system that refuses one order's messages for good."""
    effect = service.effects["send"]

    async def call(key: str, letter: Letter) -> Sent | Rejected:
        return Rejected("550 no such user") if key.startswith(order) else await effect.call(key, letter)

    return replace(service, effects={"send": replace(effect, call=call)})


@pytest.fixture
async def notify(nats_server: NatsServer, tmp_path: Path, stores: Stores, bus: Bus) -> AsyncIterator[Bench]:
    bench = await started(nats_server, tmp_path, stores, bus, refuse="shopify:refused")
    yield bench
    await bench.running.stop()


async def test_the_facts_of_an_order_become_messages_in_the_maildir(notify: Bench) -> None:
    """From the bus to the file: confirmation and parcel, each once, though each was told twice."""
    for fact in (accepted(), dispatched(), accepted(), dispatched()):
        await notify.tell(fact)
    await until(lambda: notify.running.reactor.last_position == 4)
    assert notify.files() == ["shopify-1001-order_confirmed", "shopify-1001-parcel_dispatched-p1"]

    status, body = await notify.ask(f"/notifications?order={ORDER}")
    assert status == 200
    assert {(n["template"], n["state"]) for n in body["notifications"]} == {
        ("order_confirmed", "sent"),
        ("parcel_dispatched", "sent"),
    }
    assert body["notifications"][0]["recipient"]["email"] == "ada@example.com"


async def test_a_notification_can_be_read_as_it_was_written(notify: Bench) -> None:
    """The page shows the message; as HTML it is served so that nothing in it can run or load."""
    await notify.tell(refunded())
    await until(lambda: notify.running.reactor.last_position == 2)

    _, body = await notify.ask(f"/notifications/{ORDER}:refund_made:r1")
    assert body["subject"] == "Your refund of 12.50 EUR for order 1001"
    assert "Hello Ada Lindgren," in body["text"]
    shown = f"{notify.url}/notifications/{ORDER}:refund_made:r1?as=html"
    async with ClientSession() as session, session.get(shown) as answer:
        assert answer.content_type == "text/html"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert await answer.text() == body["html"]


async def test_who_was_not_reached_can_be_asked_for(notify: Bench) -> None:
    """A person can ring them up."""
    await notify.tell(accepted(to=NOBODY))
    await notify.tell(accepted(order="shopify:refused"))
    await until(lambda: notify.running.reactor.last_position == 3)

    _, suppressed = await notify.ask("/notifications?state=suppressed")
    _, failed = await notify.ask("/notifications?state=failed")
    assert [n["reason"] for n in suppressed["notifications"]] == ["the channel gave no e-mail address"]
    assert [n["reason"] for n in failed["notifications"]] == ["550 no such user"]
    _, latest = await notify.ask("/notifications?limit=2")
    assert {n["order_id"] for n in latest["notifications"]} == {ORDER, "shopify:refused"}
    assert notify.files() == []


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        ("/notifications/shopify:9:order_confirmed", 404, "shopify:9:order_confirmed"),
        ("/notifications?limit=0", 422, "limit"),
        ("/notifications?limit=many", 422, "limit"),
        ("/notifications?state=sent", 422, "state"),
    ],
)
async def test_a_question_that_makes_no_sense_is_answered_with_what_is_wrong(
    notify: Bench, path: str, status: int, named: str
) -> None:
    """The field or the id is in the answer."""
    answered, body = await notify.ask(path)
    assert (answered, named in body["error"]) == (status, True)


async def test_a_rebuild_sends_nothing_and_gives_the_same_state(notify: Bench) -> None:
    """P5: folding the events again is equal to the byte, and no file appears."""
    for fact in (accepted(), dispatched(), refunded(), accepted(to=NOBODY, order="shopify:2")):
        await notify.tell(fact)
    await until(lambda: notify.running.reactor.last_position == 7)
    before = notify.files()

    with notify.running.store.snapshot() as still:
        rebuilt = fold(notify.running.assembly.service, all_events(still))
        live = state_hash(live_rows(still))

    assert state_hash(rebuilt.rows()) == live
    assert notify.files() == before


async def test_a_message_written_before_a_crash_is_not_written_again(
    nats_server: NatsServer, tmp_path: Path, stores: Stores, bus: Bus
) -> None:
    """The file is there, the event was lost: after the restart the mail system is asked first."""
    first = await started(nats_server, tmp_path, stores, bus)
    await first.running.effects.stop(0)  # it is killed before it can send
    await first.tell(accepted())
    await until(lambda: first.running.reactor.last_position == 1)
    call = (await first.running.engine.states([f"letters/{ORDER}"]))[0].queued
    (file,) = call
    courier = courier_of(Settings(), Shop(name="Lampen Lindgren"), tmp_path)
    assert isinstance(courier.mail, Maildir)
    await courier.send(file, call[file])
    (written,) = (tmp_path / "mail" / "new").iterdir()
    before = written.stat()
    await first.running.stop()

    second = await started(nats_server, tmp_path, stores, bus)
    await until(lambda: second.running.reactor.last_position == 2)

    after = written.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert second.files() == ["shopify-1001-order_confirmed"]
    await second.running.stop()
