"""The intake over real HTTP: what is stored, and what is answered. Only the bus is a stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from chassis.bus import BusAway
from chassis.http import BODY_BYTES_MAX
from services.orders.intake.read import kept_topic
from services.orders.intake.signatures import SIGNATURE_HEADERS, signature
from services.orders.intake.topics import HARMLESS, NORMALISERS, WISHES, digest_of, harmless
from services.orders.intake.webhook import Answered, routes
from services.orders.measures import deliveries
from tests.orders.intake.bodies import CHANNELS, NOON

BODY = b'{"id": 1,  "note": "kept byte for byte"}'
DELIVERED = f"shopify:b54557e4:{digest_of('orders/create', BODY)}"


@dataclass
class Stream:
    """Records what is published, and can be away."""

    messages: list[tuple[str, bytes, dict[str, str], str]] = field(default_factory=list)
    away: bool = False
    unread: int = 0

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str], message_id: str) -> int:
        if self.away:
            raise BusAway("no connection to NATS")
        self.messages.append((subject, data, headers, message_id))
        return 40 + len(self.messages)


type Client = TestClient[web.Request, web.Application]
type Post = Callable[..., Awaitable[ClientResponse]]


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def answered() -> Answered:
    return Answered()


@pytest.fixture
async def client(stream: Stream, answered: Answered) -> AsyncIterator[Client]:
    application = web.Application()
    application.add_routes(routes(stream, CHANNELS, clock=lambda: NOON, answered=answered))
    async with TestClient(TestServer(application)) as client:
        yield client


@pytest.fixture
def post(client: Client) -> Post:
    async def send(channel: str, body: Any = BODY, headers: dict[str, str] | None = None) -> ClientResponse:
        return await client.post(f"/channels/{channel}/webhooks", data=body, headers=headers or {})

    return send


def shopify(body: bytes = BODY, **more: str) -> dict[str, str]:
    return {
        "X-Shopify-Hmac-Sha256": signature("hush", body).decode(),
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Webhook-Id": "b54557e4",
        "X-Shopify-Shop-Domain": "lamps.myshopify.com",
    } | more


async def test_a_signed_body_is_stored_byte_for_byte(post: Post, stream: Stream) -> None:
    """The stream has what the channel sent, under the subject of its channel and topic."""
    answer = await post("shopify", headers=shopify())
    assert (answer.status, await answer.json()) == (202, {"stored": 41})
    assert stream.messages == [
        (
            "evt.channels.shopify.orders_create",
            BODY,
            {
                "doorstep-channel": "shopify",
                "doorstep-topic": "orders/create",
                "doorstep-message-id": DELIVERED,
                "doorstep-received-at": "2026-11-21T12:00:00.000000Z",
                "doorstep-shop": "lamps.myshopify.com",
            },
            DELIVERED,
        )
    ]


async def test_woocommerce_is_stored_under_its_delivery_id(post: Post, stream: Stream) -> None:
    """Its headers have names of their own."""
    headers = {
        "X-WC-Webhook-Signature": signature("sesame", BODY).decode(),
        "X-WC-Webhook-Topic": "order.updated",
        "X-WC-Webhook-Delivery-ID": "e3b0c442",
        "X-WC-Webhook-Source": "https://lamps.example/",
    }
    assert (await post("woocommerce", headers=headers)).status == 202
    (subject, data, kept, message_id) = stream.messages[0]
    assert (subject, data, message_id) == (
        "evt.channels.woocommerce.order_updated",
        BODY,
        f"woocommerce:e3b0c442:{digest_of('order.updated', BODY)}",
    )
    assert kept["doorstep-shop"] == "https://lamps.example/"


@pytest.mark.parametrize("secret", ["mellon", "friend"])
async def test_a_canonical_publisher_signs_like_shopify(post: Post, stream: Stream, secret: str) -> None:
    """With the current secret or the one before; without an id the body's digest is the message id."""
    headers = {"X-Doorstep-Hmac-Sha256": signature(secret, BODY).decode(), "X-Doorstep-Topic": "order_placed"}
    assert (await post("retail", headers=headers)).status == 202
    assert stream.messages[0][0] == "evt.channels.retail.order_placed"
    assert stream.messages[0][3] == f"retail:{digest_of('order_placed', BODY)}"


async def test_a_body_that_is_not_json_is_stored_too(post: Post, stream: Stream) -> None:
    """It was delivered; a channel that got an error would send it for ever. It is refused where it is read."""
    body = b"\xff not json"
    assert (await post("shopify", body, shopify(body))).status == 202
    assert stream.messages[0][1] == body


async def test_which_channels_there_are_can_be_asked(client: Client) -> None:
    """By name, each with the way it is read, and without its secrets: so that a publisher can be told beforehand."""
    answer = await client.get("/channels")
    expected = [{"name": name, "kind": channel.kind} for name, channel in sorted(CHANNELS.items())]
    assert (answer.status, await answer.json()) == (200, {"channels": expected})


async def test_an_unknown_channel_is_404(post: Post, stream: Stream) -> None:
    """The error is JSON and names the channel."""
    answer = await post("ebay", headers=shopify())
    assert (answer.status, await answer.json()) == (404, {"error": "unknown channel", "channel": "ebay"})
    assert stream.messages == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-Shopify-Topic": "orders/create"}, 401),
        (shopify() | {"X-Shopify-Hmac-Sha256": "AAAA"}, 401),
        (shopify(b"another body"), 401),
        (shopify() | {"X-Shopify-Topic": ""}, 400),
        (shopify() | {"X-Shopify-Topic": "orders.>"}, 400),
        (shopify() | {"X-Shopify-Topic": "orders create"}, 400),
    ],
)
async def test_nothing_is_stored_without_signature_and_topic(
    post: Post, stream: Stream, headers: dict[str, str], status: int
) -> None:
    """Before the signature is known to be right nothing else is said; a topic is part of a subject."""
    answer = await post("shopify", headers=headers)
    assert answer.status == status
    assert "X-Shopify-" in (await answer.json())["error"]
    assert stream.messages == []


async def test_the_other_platforms_signature_does_not_count(post: Post, stream: Stream) -> None:
    """The channel's kind says which header is looked at."""
    headers = {
        SIGNATURE_HEADERS["woocommerce"]: signature("hush", BODY).decode(),
        "X-Shopify-Topic": "orders/create",
    }
    assert (await post("shopify", headers=headers)).status == 401


@pytest.mark.parametrize("size", [BODY_BYTES_MAX, BODY_BYTES_MAX + 1])
async def test_the_limit_is_one_mebibyte(post: Post, stream: Stream, size: int) -> None:
    """Exactly at the limit is taken, one byte more is not."""
    body = b"x" * size
    answer = await post("shopify", body, shopify(body))
    assert answer.status == (202 if size == BODY_BYTES_MAX else 413)
    assert len(stream.messages) == (size == BODY_BYTES_MAX)


async def test_an_endless_body_is_cut_off(post: Post, stream: Stream) -> None:
    """Without a length the body is read only as far as the limit."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * BODY_BYTES_MAX:
            sent += BODY_BYTES_MAX
            yield b"x" * BODY_BYTES_MAX

    answer = await post("shopify", endless(), shopify())
    assert answer.status == 413
    assert sent < 64 * BODY_BYTES_MAX
    assert stream.messages == []


async def test_while_the_bus_is_away_the_channel_is_told_to_try_again(post: Post, stream: Stream) -> None:
    """Never 2xx before the stream has it."""
    stream.away = True
    answer = await post("shopify", headers=shopify())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    stream.away = False
    assert (await post("shopify", headers=shopify())).status == 202
    assert len(stream.messages) == 1


async def test_the_same_delivery_has_the_same_message_id(post: Post, stream: Stream) -> None:
    """The stream drops the second one within its window, the orders service after it."""
    for _ in range(2):
        await post("shopify", headers=shopify())
    assert len({message_id for *_, message_id in stream.messages}) == 1


async def test_an_id_that_cannot_be_a_header_is_replaced_by_the_digest(post: Post, stream: Stream) -> None:
    """Ids of others go into the stream's headers."""
    await post("shopify", headers=shopify() | {"X-Shopify-Webhook-Id": "with spaces"})
    assert stream.messages[0][3] == f"shopify:{digest_of('orders/create', BODY)}"


@pytest.mark.parametrize(
    ("topic", "kept"),
    [
        ("qzkan8116/mail.example", "other"),
        ("customers/qzkan8116", "customers_other"),
        ("orders/edited/qzkan8116", "orders_edited"),
    ],
)
async def test_what_nobody_signed_stays_nowhere_as_it_came(
    post: Post, stream: Stream, topic: str, kept: str
) -> None:
    """Topic, id and shop are headers, which no signature covers: as a subject and as headers they would stay for ever,
    readable, in every backup.
    """
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": "qzkan8116@mail.example",
        "X-Shopify-Shop-Domain": "qzkan8116@mail.example",
    }
    assert (await post("shopify", headers=shopify() | headers)).status == 202
    ((subject, _, stored, message_id),) = stream.messages
    assert "qzkan" not in f"{subject} {stored} {message_id}"
    assert (subject, stored["doorstep-topic"]) == (f"evt.channels.shopify.{kept}", kept)
    assert message_id == f"shopify:{digest_of(topic, BODY)}"


@pytest.mark.parametrize(
    "shop", ["", "Frau Qzkan", "qzkan", "https://a.example/qzkan", "+49.170@x", "a..example"]
)
async def test_a_shop_that_is_no_host_is_left_out(post: Post, stream: Stream, shop: str) -> None:
    await post("shopify", headers=shopify() | {"X-Shopify-Shop-Domain": shop})
    assert "doorstep-shop" not in stream.messages[0][2]


@pytest.mark.parametrize(
    ("kind", "topic"), [*NORMALISERS, *WISHES, ("canonical", "order_placed"), ("shopify", "return_reported")]
)
def test_a_topic_that_is_read_is_kept(kind: str, topic: str) -> None:
    """The subject decides how a message is read."""
    assert kept_topic(kind, topic) == topic


@pytest.mark.parametrize(("kind", "start"), [(kind, start) for kind in HARMLESS for start in HARMLESS[kind]])
def test_what_needs_nothing_needs_nothing_as_it_is_kept(kind: str, start: str) -> None:
    """Passed over for the same reason."""
    assert harmless(kind, kept_topic(kind, f"{start}x")) == harmless(kind, f"{start}x") != ""


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-WC-Webhook-Signature": signature("sesame", b"webhook_id=12").decode()}, 200),
        ({"X-WC-Webhook-Signature": "AAAA"}, 401),
    ],
)
async def test_woocommerces_ping_is_answered_and_not_stored(
    post: Post, stream: Stream, headers: dict[str, str], status: int
) -> None:
    """A shop cannot save a webhook whose ping fails; it signs none, but a wrong signature is still wrong."""
    assert (await post("woocommerce", b"webhook_id=12", headers)).status == status
    assert stream.messages == []


async def test_a_ping_to_another_kind_is_no_ping(post: Post, stream: Stream) -> None:
    """Only WooCommerce sends unsigned ones."""
    assert (await post("shopify", b"webhook_id=12")).status == 401


def test_a_message_without_an_id_is_known_by_topic_and_body() -> None:
    """The same body may be created and later cancelled: two messages, which the stream must not take for one."""
    assert digest_of("orders/create", BODY) == digest_of("orders.create", BODY)
    assert digest_of("orders/create", BODY) != digest_of("orders/cancelled", BODY)
    assert digest_of("orders/create", BODY) != digest_of("orders/create", BODY + b" ")


async def test_deliveries_are_counted_by_channel_and_outcome(
    post: Post, stream: Stream, answered: Answered
) -> None:
    """A secret that was changed on one side only is seen by that; a channel that we do not know is no label."""
    await post("shopify", headers=shopify())
    for _ in range(2):
        await post("shopify", headers=shopify() | {"X-Shopify-Hmac-Sha256": "AAAA"})
    await post("shopify", headers=shopify() | {"X-Shopify-Topic": ""})
    await post("shopify", b"x" * (BODY_BYTES_MAX + 1))
    await post("somebody-elses", headers=shopify())
    stream.away = True
    await post("shopify", headers=shopify())
    stream.unread = 1_000_000_000
    await post("shopify", headers=shopify())
    await post("somebody-elses", headers=shopify())
    told = deliveries(answered, CHANNELS).values
    assert {channel for channel, _ in told} == CHANNELS.keys()
    assert {outcome: count for (channel, outcome), count in told.items() if channel == "shopify"} == {
        "stored": 1, "signature": 2, "topic": 1, "too_large": 1, "away": 1, "busy": 1, "slow": 0,
    }  # fmt: skip
    assert sum(told.values()) == sum(answered.values()) == 7
