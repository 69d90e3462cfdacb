"""Every attack on the webhooks is refused and touches nothing; what is genuine gets in, also while a key is changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from chassis import port
from services.orders.intake import webhook
from tests.conftest import until
from tests.orders.situations import ORDER
from tests.security.attacks import CLOSED, attacks
from tests.security.conftest import Orders, Start
from tests.security.deliveries import BEFORE, BODY, STANDARD_SECRET, replaced, request, signed, standard

STANDARD_CHANNEL = f"""
[channels.standard]
kind = "canonical"
signed = "standard"
secret = "{STANDARD_SECRET}"
previous_secret = "whsec_b2xkIGtleSBvZiB0aGUgc2hvcA=="
"""
ANSWER_SECONDS = 30.0
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


@pytest.fixture
async def orders(start_orders: Start, monkeypatch: pytest.MonkeyPatch) -> Orders:
    """A real service with five channels; nobody waits for half a minute for what never comes."""
    monkeypatch.setattr(port, "IDLE_SECONDS_MAX", 3)
    monkeypatch.setattr(webhook, "BODY_SECONDS_MAX", 2.0)
    return await start_orders(STANDARD_CHANNEL)


async def say(port: int, request: bytes) -> int:
    """Send the bytes and nothing more; the status that is answered, or `CLOSED`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(ANSWER_SECONDS):
            said = await reader.read(4096)
    except ConnectionError:
        return CLOSED
    finally:
        writer.close()
    found = STATUS.match(said)
    return int(found[1]) if found else CLOSED


def test_there_are_attacks_enough() -> None:
    """Sixty were asked for; a table that shrank would still be green."""
    names = [attack.name for attack in attacks()]
    assert len(names) == len(set(names)) >= 140
    assert not any(attack.expected & {200, 201, 202} for attack in attacks())


async def test_every_attack_is_refused_and_touches_nothing(
    orders: Orders, record_property: pytest.RecordProperty
) -> None:
    """One after the other against the same service, which is as well afterwards as before."""
    before = await orders.stored()
    wrong = []
    table = list(attacks())
    for attack in table:
        answered = await say(orders.port, attack.request)
        if answered not in attack.expected or await orders.stored() != before:
            wrong.append((attack.name, answered, sorted(attack.expected)))
            before = await orders.stored()
    assert not wrong, wrong
    assert await say(orders.port, request("shop", signed())) == 202
    record_property("tried", f"{len(table)} attacks on the webhooks of a real service")


GENUINE: dict[str, Callable[[], bytes]] = {
    "body signed": lambda: request("shop", signed()),
    "with the key before": lambda: request("shop", signed(secret=BEFORE)),
    "shopify": lambda: request("shopify", signed("shopify")),
    "woocommerce": lambda: request("woocommerce", signed("woocommerce")),
    "standard": lambda: request("standard", standard()),
    "standard, a little late": lambda: request("standard", standard(at=-240)),
    "standard, a clock ahead": lambda: request("standard", standard(at=240)),
    "standard, with the key before": lambda: request(
        "standard", standard(secret="whsec_b2xkIGtleSBvZiB0aGUgc2hvcA==")
    ),
    "standard, two signatures": lambda: request(
        "standard",
        replaced(standard(), "webhook-signature", f"v1,AAAA {dict(standard())['webhook-signature']} v2,BBBB"),
    ),
    "header names in another case": lambda: request(
        "shop", [(name.upper(), value) for name, value in signed()]
    ),
}
"""Made when they are sent: some bear the time."""


@pytest.mark.parametrize("name", GENUINE)
async def test_what_is_genuine_gets_in(orders: Orders, name: str) -> None:
    """With the current key and, while it is being changed, with the one before."""
    (before, _) = await orders.stored()
    assert await say(orders.port, GENUINE[name]()) == 202
    assert (await orders.stored())[0] == before + 1


async def test_a_delivery_that_comes_again_makes_no_second_order(orders: Orders) -> None:
    """Within the window, or by a scheme that has none: the same delivery counts once; another channel's never."""
    once = request("standard", standard(message_id="msg_again"))
    assert [await say(orders.port, once) for _ in range(3)] == [202, 202, 202]
    assert [await say(orders.port, request("shop", signed())) for _ in range(3)] == [202, 202, 202]
    messages, _ = await orders.stored()
    await until(lambda: orders.running.reactor.positions.get("CHANNELS"))
    await until(lambda: orders.running.reactor.positions["CHANNELS"].position == messages)
    status, found = await orders.ask("GET", "/orders")
    assert (status, [order["channel"] for order in found["orders"]]) == (200, ["shop"])


async def test_a_delivery_keeps_no_other_one_out(orders: Orders) -> None:
    """Few schemes sign the id of a delivery: one that was listened to, sent again under the id of one that is still to
    come, must not have that one taken for a repetition, answered 202 and dropped.
    """
    to_come = ("X-Doorstep-Message-Id", "to-come")
    listened_to, genuine = BODY, BODY.replace(ORDER.channel_order_id.encode(), b"of-somebody-else")
    assert listened_to != genuine
    (before, _) = await orders.stored()
    for body in (listened_to, genuine, genuine):
        assert await say(orders.port, request("shop", [*signed(body=body), to_come], body)) == 202
    assert (await orders.stored())[0] == before + 2
    await until(lambda: len(orders.running.reactor.positions) > 0)
    await until(lambda: orders.running.reactor.positions["CHANNELS"].position == before + 2)
    _, found = await orders.ask("GET", "/orders")
    assert len(found["orders"]) == 2


@pytest.fixture
async def impatient(start_orders: Start, monkeypatch: pytest.MonkeyPatch) -> Orders:
    """The same service with short deadlines, so that nobody waits for half a minute here."""
    monkeypatch.setattr(port, "IDLE_SECONDS_MAX", 1)
    monkeypatch.setattr(webhook, "BODY_SECONDS_MAX", 0.5)
    return await start_orders("")


async def dribble(port: int, begun: bytes, rest: bytes) -> bytes:
    """Send a beginning, then a byte of the rest every now and then, until the other side has had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.ensure_future(reader.read(4096))
    writer.write(begun)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            for byte in rest:
                writer.write(bytes([byte]))
                done, _ = await asyncio.wait({answered}, timeout=0.1)
                if done:
                    break
            return await answered
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_header_that_never_ends_is_cut_off(impatient: Orders) -> None:
    """Slow-loris: a byte now and then does not keep a connection."""
    begun = b"POST /channels/shop/webhooks HTTP/1.1\r\nHost: hooks\r\nX-Slow: "
    before = await impatient.stored()
    assert await dribble(impatient.port, begun, b"x" * 200) == b""
    assert await impatient.stored() == before


async def test_a_body_that_never_ends_is_cut_off(impatient: Orders) -> None:
    """With a genuine signature even: 408, and the connection is closed."""
    whole = request("shop", signed())
    before = await impatient.stored()
    said = await dribble(impatient.port, whole[: -len(BODY)], BODY[:100])
    assert said.startswith(b"HTTP/1.1 408")
    assert await impatient.stored() == before


async def test_slow_senders_do_not_keep_others_out(impatient: Orders) -> None:
    """Two hundred half-open requests, and a genuine one gets in at once."""
    waiting = [await asyncio.open_connection("127.0.0.1", impatient.port) for _ in range(200)]
    for _, writer in waiting:
        writer.write(b"POST /channels/shop/webhooks HTTP/1.1\r\nHost: hooks\r\n")
    assert await say(impatient.port, request("shop", signed())) == 202
    ended = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in waiting)), ANSWER_SECONDS)
    assert set(ended) == {b""}
    for _, writer in waiting:
        writer.close()
