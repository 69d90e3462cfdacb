"""Bad input on every way in: refused or parked with a reason, never a crash, and nobody else waits for it.

The messages are drawn by hypothesis, the same ones each time: `BAD_MESSAGES` of them in the long variant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chassis.bus import Bus, open_bus
from chassis.http import BODY_BYTES_MAX
from chassis.service import Running
from chassis.settings import SERVICE_PORTS, System, system
from chassis.sqlite_store import SQLiteStore
from services.orders.wiring import build
from tests.conftest import NatsServer, free_port, until
from tests.recorded import FIXTURES, needs
from tests.story.orders import canonical_order

CHANNEL, SECRET = "shop", "s3cret"
SUBJECT = f"evt.channels.{CHANNEL}.order_placed"
QUICK, LONG = 300, int(os.environ.get("BAD_MESSAGES", "5000"))
GOOD_EVERY = 10
CORPUS = FIXTURES / "orders" / "malformed"
SIGNED = {"actor": "mira", "reason": "the channel is configured now"}


def good(number: int, channel: str = CHANNEL) -> bytes:
    """A sound order in our own words, with a letter that is more than one byte."""
    return json.dumps(canonical_order(channel, f"g{number}", "LAMP", 1), ensure_ascii=False).encode()


SOUND = good(0).replace(b"LAMP", "LÄMP".encode())
RESERVED = b'{"order_id":"shop:g0","attempt":1,"lines":[],"expires_at":"2026-11-29T12:00:00Z"}'
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
BODIES = {
    "malformed": st.binary(min_size=1, max_size=300) | JUNK.map(lambda junk: json.dumps(junk).encode()),
    "truncated": st.integers(1, len(SOUND) - 1).map(lambda end: SOUND[:end]),
    "nested": st.integers(100, 30_000).map(lambda depth: b'{"order":' + b"[" * depth + b"]" * depth + b"}"),
    "wrong encoding": st.sampled_from(["utf-16", "utf-32", "latin-1"]).map(
        lambda encoding: SOUND.decode().encode(encoding)
    ),
    "duplicate key": st.integers(-9, 9).map(lambda junk: SOUND[:-1] + b', "order": %d}' % junk),
    "duplicate key, the last of them sound": st.integers(-9, 9).map(
        lambda junk: b'{"order": %d, ' % junk + SOUND[1:]
    ),
    "duplicate key within": st.integers(2, 9).map(
        lambda units: SOUND.replace(b'"quantity":', b'"quantity": %d, "quantity":' % units)
    ),
}
FACTS = {
    "future version": st.integers(2, 99).map(lambda n: (f"inventory.StockReserved.v{n}", b"{}")),
    "unheard of": st.text("abcXYZ", min_size=1, max_size=9).map(lambda name: (f"inventory.{name}.v1", b"{}")),
    "duplicate key of a fact": st.integers(2, 9).map(
        lambda attempt: ("inventory.StockReserved.v1", RESERVED[:-1] + b',"attempt":%d}' % attempt)
    ),
    "wrong shape": st.binary(max_size=100).map(lambda data: ("inventory.StockReserved.v1", data)),
}
WAYS = ("bus", "webhook")


@dataclass(frozen=True)
class Bad:
    """One bad message: what is bad about it, which way it comes, and what it is of a service's stream (or not)."""

    fault: str
    way: str
    data: bytes
    event_type: str = ""


BAD = st.one_of(
    *(st.builds(Bad, st.just(fault), st.sampled_from(WAYS), bodies) for fault, bodies in BODIES.items()),
    *(
        facts.map(lambda fact, fault=fault: Bad(fault, "service", fact[1], fact[0]))
        for fault, facts in FACTS.items()
    ),
)


def drawn(count: int) -> list[Bad]:
    """So many bad messages, always the same."""
    found: list[Bad] = []

    @settings(
        max_examples=2 * count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(BAD, min_size=5, max_size=40))
    def draw(some: list[Bad]) -> None:
        found.extend(some if len(found) < count else ())

    draw()
    assert len(found) >= count
    return found[:count]


@dataclass
class Intake:
    """The orders service as it runs, and every way to send it something."""

    session: aiohttp.ClientSession
    running: Running
    bus: Bus
    facts: int = 0

    async def send(self, bad: Bad) -> None:
        """Deliver it the way it comes; what is signed or published is taken in, to be refused where it is read."""
        match bad.way:
            case "bus":
                await self.bus.publish(SUBJECT, bad.data, {})
            case "webhook":
                assert await self.webhook(bad.data) == 202
            case _:
                self.facts += 1
                headers = {
                    "ce-type": bad.event_type,
                    "ce-sequence": str(self.facts),
                    "ce-id": f"i/{self.facts}",
                }
                await self.bus.publish("evt.inventory.stock_reserved.v1", bad.data, headers)

    async def webhook(self, body: bytes, secret: str = SECRET) -> int:
        """The status that a signed body is answered with."""
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        headers = {
            "X-Doorstep-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Doorstep-Topic": "order_placed",
            "X-Doorstep-Message-Id": f"w-{hashlib.sha256(body).hexdigest()}-{time.monotonic_ns()}",
        }
        async with self.session.post(f"/channels/{CHANNEL}/webhooks", data=body, headers=headers) as answer:
            return answer.status

    async def get(self, path: str) -> Any:
        async with self.session.get(path) as answer:
            return await answer.json()

    async def post(self, path: str, body: Any) -> int:
        async with self.session.post(path, json=body) as answer:
            return answer.status

    async def until_read(self) -> dict[str, Any]:
        """Its status, once everything that was sent is decided."""

        async def level() -> Any:
            status = await self.running.status()
            return status if not any(status["lag"].values()) else None

        found: dict[str, Any] = await until(level, seconds=120.0, every=0.02)
        return found


@asynccontextmanager
async def open_intake(folder: Path, server: NatsServer, bus: Bus, *channels: str) -> AsyncIterator[Intake]:
    """The service with these channels, on the store that is in the folder."""
    config = folder / "doorstep.toml"
    config.write_text(
        "".join(f'[channels.{name}]\nkind = "canonical"\nsecret = "{SECRET}"\n' for name in channels)
    )
    settings = System(data=folder, port_base=free_port() - SERVICE_PORTS["orders"], nats_url=server.url)
    own_bus = await open_bus(server.url, "test-bad-input")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DOORSTEP_CONFIG", str(config))
        environment.setenv("DOORSTEP_SYSTEM__DATA", str(folder))
        system.cache_clear()
        assembly = build()
    system.cache_clear()
    running = Running(assembly, settings, own_bus, SQLiteStore(folder / "orders.sqlite"))
    await running.start()
    base = f"http://127.0.0.1:{settings.port_of('orders')}"
    async with aiohttp.ClientSession(base) as session:
        yield Intake(session, running, bus)
    await running.stop()


@pytest.fixture
async def intake(bus: Bus, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Intake]:
    async with open_intake(tmp_path, nats_server, bus, CHANNEL) as running:
        yield running


async def bombard(intake: Intake, bad: Sequence[Bad]) -> None:
    """Send all of it with a sound order now and then; judge what became of each."""
    sound = 0
    for number, message in enumerate(bad):
        await intake.send(message)
        if number % GOOD_EVERY == 0:
            sound += 1
            await intake.bus.publish(SUBJECT, good(sound), {})
    status = await intake.until_read()
    assert status["parked"] == len(bad), Counter(message.fault for message in bad)
    assert status["counts"]["state"] == {"accepted": sound}
    listed = (await intake.get("/ops/parked"))["parked"]
    assert listed
    assert all(parked["reason"] for parked in listed)
    assert status["ready"]


async def test_three_hundred_bad_messages_are_each_refused_with_a_reason(intake: Intake) -> None:
    """Of every kind, on the channels' stream, on a service's and over HTTP; the sound ones among them are accepted."""
    bad = drawn(QUICK)
    assert {message.fault for message in bad} == {*BODIES, *FACTS}
    await bombard(intake, bad)


async def test_what_is_too_large_or_not_signed_is_turned_away_and_stored_nowhere(intake: Intake) -> None:
    """One byte too many: 413 over HTTP; on the bus it is taken, and refused where it is read."""
    assert await intake.webhook(b"x" * (BODY_BYTES_MAX + 1)) == 413
    assert await intake.webhook(good(1), secret="guessed") == 401
    assert (await intake.until_read())["parked"] == 0
    await intake.bus.publish(SUBJECT, b'{"order": "' + b"x" * BODY_BYTES_MAX, {})
    await intake.bus.publish(SUBJECT, good(2), {})
    status = await intake.until_read()
    assert (status["parked"], status["counts"]["state"]) == (1, {"accepted": 1})


async def test_a_command_with_a_key_that_stands_twice_is_answered_with_the_key(intake: Intake) -> None:
    """Nothing is done, whichever of the two was meant."""
    async with intake.session.post("/orders", data=b'{"order": 1, ' + SOUND[1:]) as answer:
        assert answer.status == 422
        assert (await answer.json())["error"].startswith("body: key 'order' stands twice")
    assert (await intake.running.status())["position"] == 0


@needs(CORPUS)
async def test_what_others_recorded_as_malformed_is_refused(intake: Intake) -> None:
    """Every file of the corpus, as a channel would send it."""
    files = sorted(CORPUS.iterdir())
    for number, file in enumerate(files):
        await intake.send(Bad(file.name, WAYS[number % len(WAYS)], file.read_bytes()))
    assert (await intake.until_read())["parked"] == len(files) > 0


async def test_a_parked_message_is_applied_once_after_what_was_missing_is_there(
    bus: Bus, nats_server: NatsServer, tmp_path: Path
) -> None:
    """Park, fix, retry: the order of a channel that nobody had configured. A second retry finds nothing to do."""
    async with open_intake(tmp_path, nats_server, bus, CHANNEL) as before:
        await bus.publish("evt.channels.fair.order_placed", good(1, "fair"), {})
        assert (await before.until_read())["parked"] == 1
        (parked,) = (await before.get("/ops/parked"))["parked"]
        assert "unknown channel" in parked["reason"]
        retry = f"/ops/parked/{parked['id']}/retry"
        assert await before.post(retry, SIGNED) == 409
    async with open_intake(tmp_path, nats_server, bus, CHANNEL, "fair") as after:
        assert [await after.post(retry, SIGNED) for _ in range(3)] == [200, 404, 404]
        assert (await after.get("/ops/parked"))["parked"] == []
        history = await after.running.runtime.history("order/fair:g1")
        assert [event.type for event in history] == ["orders.OrderReceived.v1", "orders.OrderAccepted.v1"]


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_five_thousand_bad_messages_are_each_refused_with_a_reason(intake: Intake) -> None:
    """As many as a channel that has gone mad sends in a night."""
    await bombard(intake, drawn(LONG))
