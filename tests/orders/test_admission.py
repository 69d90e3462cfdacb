"""Beyond its limits the intake says so at once, with when to come back; those inside are served as ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from chassis.admission import Admission, Pace, TooBusy, bounded
from services.orders.intake import webhook
from services.orders.intake.signatures import signature
from services.orders.settings import IntakeSettings
from tests.orders.intake.bodies import CHANNELS, NOON

BODY = b'{"id": 1}'
HOOK = "/channels/shopify/webhooks"
SIGNED = {"X-Shopify-Hmac-Sha256": signature("hush", BODY).decode(), "X-Shopify-Topic": "orders/create"}
UNREAD_MAX = 3


@dataclass
class SlowStream:
    """Stores a message when it is told to. `arrived` says that one is waiting to be stored."""

    unread: int = 0
    stored: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    may_store: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str], message_id: str) -> int:
        self.arrived.set()
        await self.may_store.wait()
        self.stored += 1
        return self.stored


@pytest.fixture
async def stream() -> SlowStream:
    return SlowStream()


@pytest.fixture
async def client(stream: SlowStream) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """The intake with room for one webhook at a time."""
    limits = IntakeSettings(webhooks_at_once=1, unread_max=UNREAD_MAX)
    application = web.Application()
    application.add_routes(webhook.routes(stream, CHANNELS, clock=lambda: NOON, limits=limits))
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_one_too_many_is_answered_429_and_the_one_inside_is_served(
    client: TestClient[web.Request, web.Application], stream: SlowStream
) -> None:
    """Nothing of the second is stored; its channel is told when to send it again, and then it is taken."""
    inside = asyncio.create_task(client.post(HOOK, data=BODY, headers=SIGNED))
    await stream.arrived.wait()
    refused = await client.post(HOOK, data=BODY, headers=SIGNED)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "5")
    assert await refused.json() == {"error": "1 requests are in progress; try again later"}
    stream.may_store.set()
    assert (await inside).status == 202
    assert (await client.post(HOOK, data=BODY, headers=SIGNED)).status == 202
    assert stream.stored == 2


async def test_while_too_much_is_undecided_nothing_more_is_taken(
    client: TestClient[web.Request, web.Application], stream: SlowStream
) -> None:
    """What is acknowledged is decided soon: a backlog is left with the channels. It ends with the backlog."""
    stream.may_store.set()
    stream.unread = UNREAD_MAX
    refused = await client.post(HOOK, data=BODY, headers=SIGNED)
    assert (refused.status, stream.stored) == (429, 0)
    assert await refused.json() == {"error": "3 messages wait to be decided; try again later"}
    stream.unread = UNREAD_MAX - 1
    assert (await client.post(HOOK, data=BODY, headers=SIGNED)).status == 202


async def test_a_webhook_that_fails_makes_room_all_the_same(
    client: TestClient[web.Request, web.Application], stream: SlowStream
) -> None:
    """Forged ones must not use the room up."""
    stream.may_store.set()
    for _ in range(3):
        assert (await client.post(HOOK, data=BODY, headers={})).status == 401
    assert (await client.post(HOOK, data=BODY, headers=SIGNED)).status == 202


async def test_a_body_that_never_comes_is_given_up(
    client: TestClient[web.Request, web.Application], stream: SlowStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow sender must not keep the others out."""
    monkeypatch.setattr(webhook, "BODY_SECONDS_MAX", 0.05)
    stream.may_store.set()
    never = asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    sending = asyncio.create_task(client.post(HOOK, data=trickle(), headers=SIGNED))
    slow = await sending
    assert slow.status == 408
    assert (await client.post(HOOK, data=BODY, headers=SIGNED)).status == 202
    never.set()


async def test_a_service_answers_for_its_health_however_full_it_is() -> None:
    """Whoever restarts what does not answer would make it worse."""
    inside, may_leave = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        inside.set()
        await may_leave.wait()
        return web.Response()

    async def live(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application(middlewares=[bounded(1)])
    application.add_routes([web.get("/orders", slow), web.get("/livez", live)])
    async with TestClient(TestServer(application)) as client:
        first = asyncio.create_task(client.get("/orders"))
        await inside.wait()
        assert (await client.get("/orders")).status == 429
        assert (await client.get("/livez")).status == 200
        may_leave.set()
        assert (await first).status == 200


class Hands:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def served_together(pace: Pace, clock: Hands, crowd: int, seconds: float) -> None:
    """So many begin together and end together."""
    with ExitStack() as inside:
        for _ in range(crowd):
            inside.enter_context(pace.serving())
        clock.now += seconds


def test_the_door_is_as_wide_as_what_is_served_in_good_time() -> None:
    """Ten in 100 ms are 10 ms for each, whoever was beside them: half a second has room for fifty."""
    pace = Pace(0.5, clock := Hands())
    for crowd, seconds in ((10, 0.1), (1, 0.01), (40, 0.4)) * 50:
        served_together(pace, clock, crowd, seconds)
    assert pace.at_once == pytest.approx(50, abs=1)


def test_the_door_narrows_within_a_few_requests_and_widens_slowly() -> None:
    """A machine that got slow is believed at once, one that got fast when it has stayed so."""
    pace = Pace(0.5, clock := Hands())
    for _ in range(50):
        served_together(pace, clock, 1, 0.01)
    wide = pace.at_once
    served_together(pace, clock, 10, 1.0)
    narrow = pace.at_once
    assert narrow < wide / 5
    served_together(pace, clock, 10, 0.1)
    assert narrow < pace.at_once < wide / 2


def test_however_slow_it_gets_somebody_is_let_in() -> None:
    """With nobody inside nothing would ever be learnt again."""
    pace = Pace(0.1, clock := Hands())
    for _ in range(20):
        served_together(pace, clock, 1, 60.0)
    assert pace.at_once == 2


def test_a_failure_teaches_nothing() -> None:
    """A bus that is away says nothing of how fast the machine is."""
    pace = Pace(0.1, clock := Hands())
    before = pace.at_once
    with suppress(ConnectionError), pace.serving():
        clock.now += 5.0
        raise ConnectionError
    assert pace.at_once == before
    served_together(pace, clock, 1, 60.0)
    assert pace.at_once < before


def test_the_door_follows_the_pace_below_its_own_bound() -> None:
    """The setting is the most, not what is promised."""
    pace = Pace(0.1, clock := Hands())
    for _ in range(20):
        served_together(pace, clock, 1, 60.0)
    door = Admission(48, pace=pace)
    with door.enter(), door.enter(), pytest.raises(TooBusy, match="2 requests are in progress"), door.enter():
        pass


def test_the_room_is_given_back_after_a_failure() -> None:
    """An exception inside leaves by the same door."""
    door = Admission(1)
    with pytest.raises(ValueError, match="wrong"), door.enter():
        raise ValueError("wrong")
    with door.enter(), pytest.raises(TooBusy), door.enter():
        pass
    with door.enter():
        pass
