"""A service that was taken over chooses reply subjects: what it can have the server say, and to whom.

Each attack is tried twice: on the delivered configuration, where it must come to nothing, and with all users in one
account, where it must succeed. So a server that changes its mind, or an attack that was none, is noticed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
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

REAL = "evt.orders.order_released.v1"


def in_one_account() -> str:
    """The same users with the same rights, but all of them where the streams are: as it was before."""
    found = "\n".join(
        f'{{ user: "{user.name}", password: "pw-{user.name}", permissions: {{ publish: {json.dumps(user.publish)},'
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


type SceneOf = Callable[[str], Any]


@pytest.fixture(params=["as delivered", "in one account"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Scene, bool]]:
    """The scene, and whether the attacks must fail."""
    as_delivered = request.param == "as delivered"
    server = GuardedServer(tmp_path / "nats", free_port(), free_port())
    if not as_delivered:
        server.users_file = tmp_path / "one-account.conf"
        server.users_file.write_text(in_one_account())
    server.start()
    opened: list[Intruder] = []
    try:
        async with connect(server.url, "bootstrap", login=login_of("bootstrap")) as bus:
            await bootstrap(bus)
        opened += [await Intruder.connect(server, name) for name in (ATTACKER, "orders", "ops")]
        attacker, victim, eye = opened
        await victim.client.jetstream().publish(REAL, b"{}")
        mine = await attacker.client.jetstream().publish(OWN_EVENT, FORGED, headers=FORGED_HEADERS)
        yield Scene(attacker, victim, eye, mine.seq), as_delivered
    finally:
        for intruder in opened:
            await intruder.client.close()
        server.stop()


async def test_no_answer_lands_in_another_producers_stream(scene: tuple[Scene, bool]) -> None:
    """An acknowledgement, a message of its own making, a description, a delivery: on every other producer's subject.

    In one account the forged message lies in ORDERS as an event of orders, with headers of the attacker's choice.
    """
    on, is_closed = scene
    before = await on.everything()
    for target in into_streams():
        for request in requests(on.stored):
            await on.ask(request, target.subject)
    if is_closed:
        assert await on.everything() == before
    else:
        await until(lambda: _has_grown(on, before, READ_STREAM))
        found = await on.eye.client.jetstream().get_last_msg(
            READ_STREAM, "evt.orders.order_cancelled.v1", direct=True
        )
        assert found.subject == "evt.orders.order_cancelled.v1"


async def _has_grown(on: Scene, before: dict[str, Any], stream: str) -> bool:
    return bool((await on.everything())[stream] > before[stream])


async def test_no_answer_is_a_request_to_jetstream(scene: tuple[Scene, bool]) -> None:
    """Streams deleted, consumers reset or removed, others' messages acknowledged: none of it happens.

    In one account JetStream takes its own answer for a request of that account.
    """
    on, is_closed = scene
    before = await on.everything()
    for target in into_the_api():
        await on.have_said(target)
    if is_closed:
        assert await on.everything() == before
    else:
        await until(lambda: _differs(on, before))


async def _differs(on: Scene, before: dict[str, Any]) -> bool:
    return await on.everything() != before


async def test_no_answer_is_heard_in_another_inbox(scene: tuple[Scene, bool]) -> None:
    """Even where the attacker knows the inbox, which is drawn at random."""
    on, is_closed = scene
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await on.victim.client.subscribe("_INBOX_orders.known", cb=hear)
    await on.victim.client.flush()
    await on.have_said(Target("_INBOX_orders.known", b"noise"))
    await on.victim.client.flush()
    if is_closed:
        assert heard == []
    else:
        await until(lambda: heard == [b"noise"])


async def test_who_asks_is_answered(scene: tuple[Scene, bool]) -> None:
    """The counterpart: each of these requests is allowed, and its answer comes back to who asked."""
    on, _ = scene
    for request in requests(on.stored):
        answer = await on.attacker.client.request(request.subject, request.body, 5)
        assert answer.data or answer.headers, request.name
    assert on.attacker.refused == set()
