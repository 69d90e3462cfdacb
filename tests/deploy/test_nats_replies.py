"""A service that was taken over chooses reply subjects: what it can have the server say, and to whom.

Every attack is tried on the delivered configuration, where it must come to nothing, and one of each kind with all users
in one account, where it must succeed: an attack that was none, and a server that changed its mind, are noticed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis.bootstrap import bootstrap
from chassis.bus import connect
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES
from deploy.nats.permissions import users
from tests.conftest import free_port, until
from tests.deploy.guarded import GuardedServer, Intruder, login_of
from tests.deploy.reply_attacks import (
    ATTACKER,
    FORGED,
    FORGED_HEADERS,
    OWN_EVENT,
    OWN_STREAM,
    READ_STREAM,
    Request,
    Target,
    into_streams,
    into_the_api,
    requests,
)

RIGHTS_OF_OPS_END = '], subscribe: ["_INBOX_ops.>"]'
REAL, CANCELLED = "evt.orders.order_released.v1", "evt.orders.order_cancelled.v1"


def in_one_account() -> str:
    """The same users with the same rights, but all of them where the streams are: as it was before."""
    found = "\n".join(
        f"{{ nkey: $NATS_NKEY_{user.variable}, permissions: {{ publish: {json.dumps(user.publish)},"
        f' subscribe: ["{user.inbox}"] }} }}'
        for user in users()
    )
    return f"accounts {{ DOORSTEP {{ jetstream: enabled, users: [\n{found}\n] }} }}\n"


@dataclass
class Scene:
    """A server with streams and one real event, the attacker with a message of its own making, and whoever looks."""

    attacker: Intruder
    victim: Intruder
    eye: Intruder
    stored: int

    async def everything(self) -> dict[str, Any]:
        """How many messages each stream but the attacker's has, and how far each consumer but the attacker's is."""
        streams = {s: await self._info(f"STREAM.INFO.{s}") for s in STREAMS.values() if s != OWN_STREAM}
        consumers = {
            f"{stream}.{service}": await self._info(f"CONSUMER.INFO.{stream}.{service}")
            for service in SERVICES
            for stream in sources_of(service)
            if service != ATTACKER
        }
        return {name: info.get("state", {}).get("messages") for name, info in streams.items()} | {
            name: (info.get("created"), info.get("delivered"), info.get("ack_floor"))
            for name, info in consumers.items()
        }

    async def _info(self, what: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.eye.client.request(f"$JS.API.{what}", b"", 5)).data)
        return found

    async def ask(self, request: Request, reply: str) -> None:
        """Ask with this reply subject; return when the server has answered the same request to the attacker itself."""
        await self.attacker.client.publish(request.subject, request.body, reply=reply)
        await self.attacker.client.request(request.subject, request.body, 5)

    async def have_said(self, target: Target) -> None:
        """Have the server answer with a message of the attacker's making: the body is what the target wants."""
        ack = await self.attacker.client.jetstream().publish(OWN_EVENT, target.body)
        wanted = Request("", f"$JS.API.DIRECT.GET.{OWN_STREAM}", json.dumps({"seq": ack.seq}).encode())
        await self.ask(wanted, target.subject)


@asynccontextmanager
async def scene_on(server: GuardedServer) -> AsyncIterator[Scene]:
    """The streams stand, orders has said something, and the attacker has stored what it would like to have said."""
    opened: list[Intruder] = []
    server.start()
    try:
        async with connect(server.url, "bootstrap", login=login_of("bootstrap")) as bus:
            await bootstrap(bus)
        opened += [await Intruder.connect(server, name) for name in (ATTACKER, "orders", "ops")]
        attacker, victim, eye = opened
        await victim.client.jetstream().publish(REAL, b"{}")
        mine = await attacker.client.jetstream().publish(OWN_EVENT, FORGED, headers=FORGED_HEADERS)
        yield Scene(attacker, victim, eye, mine.seq)
    finally:
        for intruder in opened:
            await intruder.client.close()
        server.stop()


@pytest.fixture
async def guarded_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """As delivered: an account for each user."""
    async with scene_on(GuardedServer(tmp_path / "nats", free_port(), free_port())) as scene:
        yield scene


@pytest.fixture
async def open_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The same rights in one account."""
    users_file = tmp_path / "one-account.conf"
    users_file.write_text(in_one_account())
    server = GuardedServer(tmp_path / "nats", free_port(), free_port(), users_file=users_file)
    async with scene_on(server) as scene:
        yield scene


async def test_no_answer_lands_in_another_producers_stream(guarded_scene: Scene) -> None:
    """An acknowledgement, a message of its own making, a description, a delivery: on every other producer's subject."""
    before = await guarded_scene.everything()
    for target in into_streams():
        for request in requests(guarded_scene.stored):
            await guarded_scene.ask(request, target.subject)
    assert await guarded_scene.everything() == before


async def test_no_answer_is_a_request_to_jetstream(guarded_scene: Scene) -> None:
    """Streams deleted, consumers reset or removed, others' messages acknowledged: none of it happens."""
    before = await guarded_scene.everything()
    for target in into_the_api():
        await guarded_scene.have_said(target)
    assert await guarded_scene.everything() == before


async def test_no_answer_is_heard_in_another_inbox(guarded_scene: Scene) -> None:
    """Even where the attacker knows the inbox, which is drawn at random."""
    assert await heard_by_the_victim(guarded_scene) == []


def that_delivers_to(subject: str) -> bytes:
    """A consumer of CHANNELS whose deliveries are requests on this subject."""
    config = {"name": "audit-1", "deliver_subject": subject, "headers_only": True, "ack_policy": "explicit"}
    return json.dumps({"stream_name": "CHANNELS", "config": config}).encode()


async def has_moved(scene: Scene, deliver_to: str) -> bool:
    """Whether `ops` gets the consumer of orders to move, by one of its own that delivers where requests are taken."""
    before = await scene.everything()
    created = "$JS.API.CONSUMER.CREATE.CHANNELS.audit-1"
    await scene.eye.client.publish(created, that_delivers_to(deliver_to), reply="_INBOX_ops.made")
    await scene.eye.client.request("$JS.API.STREAM.INFO.CHANNELS", b"", 5)
    return await scene.everything() != before


SETS_BACK = "$JS.API.CONSUMER.RESET.CHANNELS.orders"
TAKES = "$JS.API.CONSUMER.MSG.NEXT.CHANNELS.orders"


async def test_who_reads_makes_no_consumer(guarded_scene: Scene) -> None:
    """Its deliveries could be requests that only another may make; reading goes without."""
    await guarded_scene.victim.client.jetstream().publish("evt.channels.market.order_placed", b"{}")
    for subject in (SETS_BACK, TAKES):
        assert not await has_moved(guarded_scene, subject)
    assert guarded_scene.eye.refused == {"$js.api.consumer.create.channels.audit-1"}


async def test_who_may_make_a_consumer_could_take_what_another_is_sent(tmp_path: Path) -> None:
    """The counterpart: with that right alone, an auditor would swallow the orders of a shop."""
    users_file = tmp_path / "makes-consumers.conf"
    may_make = f', "$JS.API.CONSUMER.CREATE.CHANNELS.audit-1"{RIGHTS_OF_OPS_END}'
    users_file.write_text(in_one_account().replace(RIGHTS_OF_OPS_END, may_make))
    server = GuardedServer(tmp_path / "nats", free_port(), free_port(), users_file=users_file)
    async with scene_on(server) as scene:
        await scene.victim.client.jetstream().publish("evt.channels.market.order_placed", b"{}")

        async def moved() -> bool:
            return await has_moved(scene, TAKES)

        await until(moved)


async def test_who_asks_is_answered(guarded_scene: Scene) -> None:
    """The counterpart: each of these requests is allowed, and its answer comes back to who asked."""
    for request in requests(guarded_scene.stored):
        answer = await guarded_scene.attacker.client.request(request.subject, request.body, 5)
        assert answer.data or answer.headers, request.name
    assert guarded_scene.attacker.refused == set()


async def test_in_one_account_a_forged_event_would_stand_in_another_stream(open_scene: Scene) -> None:
    """With headers of the attacker's choice, as the next one of orders: a reader cannot tell it from a real one."""
    _, stored, *_ = requests(open_scene.stored)
    await open_scene.ask(stored, CANCELLED)
    await until(lambda: is_forged(open_scene))


async def is_forged(scene: Scene) -> bool:
    """Whether ORDERS has the attacker's message as an event of orders."""
    asked = json.dumps({"last_by_subj": CANCELLED}).encode()
    found = await scene.eye.client.request(f"$JS.API.DIRECT.GET.{READ_STREAM}", asked, 5)
    kept = {name: (found.headers or {}).get(name) for name in FORGED_HEADERS}
    return bool(found.data == FORGED and kept == FORGED_HEADERS)


async def test_in_one_account_the_server_would_take_its_answer_for_a_request(open_scene: Scene) -> None:
    """So a user who may delete nothing would delete another's consumer."""
    await open_scene.have_said(Target(f"$JS.API.CONSUMER.DELETE.{READ_STREAM}.shipping"))
    await until(lambda: is_gone(open_scene))


async def is_gone(scene: Scene) -> bool:
    """Whether shipping has lost its consumer."""
    asked = f"$JS.API.CONSUMER.INFO.{READ_STREAM}.shipping"
    return "error" in json.loads((await scene.eye.client.request(asked, b"", 5)).data)


async def test_in_one_account_an_inbox_that_is_known_would_hear_it(open_scene: Scene) -> None:
    """Noise, where the name of an inbox has got out."""
    assert await heard_by_the_victim(open_scene) == [b"noise"]


async def heard_by_the_victim(scene: Scene) -> list[bytes]:
    """What arrives in an inbox of orders when the attacker has an answer sent there."""
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await scene.victim.client.subscribe("_INBOX_orders.known", cb=hear)
    await scene.victim.client.flush()
    await scene.have_said(Target("_INBOX_orders.known", b"noise"))
    await scene.victim.client.request(f"$JS.API.STREAM.INFO.{READ_STREAM}", b"", 5)
    return heard
