"""An acknowledgement can also ask for the next message: whose consumer it names, decides who gets it.

The server knows two forms of its subject. One that is right in the second form for a consumer of the sender's own can
be in the first form one of somebody else's: `$JS.ACK.CHANNELS.orders.ORDERS.inventory.1.1.1`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chassis.bootstrap import bootstrap
from chassis.bus import connect
from contracts.parking import SERVICES
from deploy.nats.permissions import WHAT_IS_ACKNOWLEDGED
from deploy.nats.users_file import configuration
from tests.conftest import free_port, until
from tests.deploy.attempts import consumers, of_two_forms
from tests.deploy.guarded import FILE, GuardedServer, Intruder, login_of

SECRET = b'{"customer":"somebody"}'
ONE = b'{"batch":1,"no_wait":true}'
VICTIM = "CHANNELS.orders"
PLACE = "1.1.1.1700000000000000000.0"
SAID = (b"", b"+ACK", b"-NAK", b"+TERM", b"+WPI", b"+NXT", b'+NXT {"batch":100}')
FORMS = {"v1": "feature_flags { js_ack_fc_v2: false }", "v2": "feature_flags { js_ack_fc_v2: true }"}


@asynccontextmanager
async def thieves(server: GuardedServer) -> AsyncIterator[dict[str, Intruder]]:
    """Streams with consumers, a message on CHANNELS which orders has in hand and one more, and everybody connected."""
    opened: dict[str, Intruder] = {}
    server.start()
    try:
        async with connect(server.url, "bootstrap", login=login_of("bootstrap")) as bus:
            await bootstrap(bus)
        for name in (*SERVICES, "channels", "ops"):
            opened[name] = await Intruder.connect(server, name)
        for _ in range(2):
            await opened["channels"].client.jetstream().publish("evt.channels.market.order_placed", SECRET)
        hand = await opened["orders"].client.subscribe("_INBOX_orders.hand")
        await opened["orders"].client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{VICTIM}", ONE, reply=hand.subject)
        assert (await hand.next_msg(5)).data == SECRET
        yield opened
    finally:
        for intruder in opened.values():
            await intruder.client.close()
        server.stop()


async def standing(eye: Intruder) -> dict[str, Any]:
    """How far each consumer is."""
    found = {}
    for stream, service in consumers():
        answer = await eye.client.request(f"$JS.API.CONSUMER.INFO.{stream}.{service}", b"", 5)
        info = json.loads(answer.data)
        found[f"{stream}.{service}"] = [info[what] for what in ("delivered", "ack_floor", "num_ack_pending")]
    return found


async def heard_by(thief: Intruder, subjects: list[str]) -> list[bytes]:
    """Bodies that reach the thief when it says everything that an acknowledgement can say on these subjects."""
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await thief.client.subscribe(f"_INBOX_{thief.name}.loot", cb=hear)
    for subject in subjects:
        for word in SAID:
            await thief.client.publish(subject, word, reply=f"_INBOX_{thief.name}.loot")
        await thief.heard_of_all()
    stream = next(stream for stream, service in consumers() if service == thief.name)
    await thief.client.request(f"$JS.API.STREAM.INFO.{stream}", b"", 5)
    return heard


def of_others(name: str) -> list[str]:
    """Acknowledgements in every form that are not the thief's to make."""
    others = [f"{stream}.{service}" for stream, service in consumers() if service != name]
    plain = (
        form.format(place, PLACE) for place in others for form in ("$JS.ACK.{}.{}", "$JS.ACK._.HASH.{}.{}")
    )
    mixed = [subject for subject, who in of_two_forms() if name not in who]
    longer = [f"{subject}.1700000000000000000.0" for subject in mixed]
    return [*plain, *mixed, *longer]


@pytest.mark.parametrize("form", FORMS)
async def test_nobody_takes_or_acknowledges_what_another_is_sent(form: str, tmp_path: Path) -> None:
    """Not in the form that the server speaks, nor in the other, nor in both at once."""
    async with thieves(GuardedServer(tmp_path, free_port(), free_port(), more=FORMS[form])) as opened:
        before = await standing(opened["ops"])
        for name in SERVICES:
            assert SECRET not in await heard_by(opened[name], of_others(name))
        assert await standing(opened["ops"]) == before


async def test_with_a_pattern_without_an_end_the_orders_of_others_could_be_read(tmp_path: Path) -> None:
    """The counterpart: `>` in the rights of inventory opened CHANNELS to it, where customers' own words are."""
    users_file = tmp_path / "loose.conf"
    users_file.write_text(configuration().replace(f".{WHAT_IS_ACKNOWLEDGED}", ".>"))
    assert users_file.read_text() != FILE.read_text()
    server = GuardedServer(tmp_path / "nats", free_port(), free_port(), users_file=users_file)
    async with thieves(server) as opened:
        loot = await heard_by(opened["inventory"], [f"$JS.ACK.{VICTIM}.ORDERS.inventory.1.1.1"])

        async def taken() -> bool:
            return SECRET in loot

        await until(taken)
