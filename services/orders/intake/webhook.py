"""`POST /channels/{channel}/webhooks`: take a signed body, store it byte for byte, answer only then.

Nothing is read here but headers and the signature. A body that turns out not to be an order was delivered all
the same: it is kept, and refused where it is read. A channel sends again whatever is not answered with 2xx.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from aiohttp import web
from multidict import CIMultiDictProxy

from chassis.admission import Admission, Pace, TooBusy, too_busy
from chassis.bus import BusAway
from chassis.clock import Clock, rfc3339, wall_clock
from chassis.http import BODY_BYTES_MAX, RETRY_AFTER_SECONDS, problem, reply
from chassis.keys.away import KeysAway
from chassis.keys.bodies import Forgotten, SealedBody
from chassis.logs import logger
from services.orders.intake.read import kept_topic
from services.orders.intake.signatures import SIGNATURE_HEADERS, verify
from services.orders.intake.standard_webhooks import ID, SIGNATURE, verify_standard
from services.orders.intake.topics import TOPIC, digest_of, topic_token
from services.orders.settings import ChannelSettings, IntakeSettings

CHUNK_BYTES = 64 * 1024
BODY_SECONDS_MAX = 10.0
"""A body that takes longer to arrive is given up: a slow sender must not keep others out."""
SERVED_SECONDS = 0.1
"""How long storing a webhook may take beside others: a part of the half second in which it is to be answered."""
STANDARD_INTAKE = IntakeSettings()
DELIVERY_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
SHOP = re.compile(rf"(?:https?://)?{LABEL}(?:\.{LABEL}){{1,8}}(?::\d{{1,5}})?/?")
"""Shopify names the host, WooCommerce the address of the shop."""
PING = re.compile(rb"webhook_id=\d{1,20}")
"""What WooCommerce posts, without a topic, when a webhook is saved: it only wants a 200."""


@dataclass(frozen=True, slots=True)
class Names:
    """How a kind of channel calls its headers; an empty name means it has none."""

    topic: str
    message_id: str
    shop: str = ""


HEADERS = {
    "shopify": Names("X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-Shop-Domain"),
    "woocommerce": Names("X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID", "X-WC-Webhook-Source"),
    "canonical": Names("X-Doorstep-Topic", "X-Doorstep-Message-Id"),
}

STANDARD = Names("X-Doorstep-Topic", ID)
"""A canonical channel that signs by the Standard Webhooks scheme: its id is signed too."""


OUTCOMES: Mapping[int, str] = {
    HTTPStatus.ACCEPTED: "stored",
    HTTPStatus.BAD_REQUEST: "topic",
    HTTPStatus.UNAUTHORIZED: "signature",
    HTTPStatus.REQUEST_TIMEOUT: "slow",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "busy",
    HTTPStatus.SERVICE_UNAVAILABLE: "away",
}
"""What became of a delivery, by what it was answered: stored, or refused for this reason."""


class Answered(Counter[tuple[str, str]]):
    """Deliveries by channel and outcome, since the start."""


class Publisher(Protocol):
    """What the intake needs of the runtime."""

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str], message_id: str) -> int:
        """Store a message in the stream and return its sequence there. Raises `BusAway`."""

    @property
    def unread(self) -> int:
        """How many stored messages are not yet decided."""


class Bodies(Protocol):
    """What seals a body before it is stored."""

    async def seal(self, name: str, data: bytes) -> SealedBody:
        """The sealed body and its headers. Raises `KeysAway` and `Forgotten`."""


def routes(
    runtime: Publisher,
    channels: Mapping[str, ChannelSettings],
    clock: Clock = wall_clock,
    limits: IntakeSettings = STANDARD_INTAKE,
    bodies: Bodies | None = None,
    answered: Answered | None = None,
) -> list[web.RouteDef]:
    """The intake, and which channels it knows. It counts in `answered` what it answers them."""

    def backlog() -> str:
        return f"{runtime.unread} messages wait to be decided" if runtime.unread >= limits.unread_max else ""

    pace = Pace(SERVED_SECONDS)
    admission = Admission(limits.webhooks_at_once, backlog, pace)
    webhooks = Webhooks(
        runtime, channels, clock, admission, pace, Answered() if answered is None else answered, bodies
    )
    return [
        web.get("/channels", webhooks.known),
        web.post("/channels/{channel}/webhooks", webhooks.receive),
    ]


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The intake of all channels."""

    runtime: Publisher
    channels: Mapping[str, ChannelSettings]
    clock: Clock
    admission: Admission
    pace: Pace
    answered: Answered
    bodies: Bodies | None = None

    async def known(self, _: web.Request) -> web.Response:
        """The channels whose messages are taken, over HTTP and from the bus: `{"channels": [{"name", "kind"}]}`."""
        return reply(
            {"channels": [{"name": name, "kind": self.channels[name].kind} for name in sorted(self.channels)]}
        )

    async def receive(self, request: web.Request) -> web.Response:
        """202 `{"stored": seq}` once the stream has it; 404, 408, 413, 401, 400, 429 or 503 where it does not."""
        try:
            with self.admission.enter():
                response = await self._take(request)
        except TooBusy as busy:
            response = too_busy(busy)
        self._count(request.match_info["channel"], response.status)
        return response

    def _count(self, channel: str, status: int) -> None:
        if channel in self.channels and status in OUTCOMES:
            self.answered[channel, OUTCOMES[status]] += 1

    async def _take(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        channel = self.channels.get(name)
        if channel is None:
            return problem(HTTPStatus.NOT_FOUND, "unknown channel", channel=name)
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                body = await _bounded(request)
        except TimeoutError:
            return _closing(problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time"))
        if body is None:
            return _too_large()
        if _is_ping(channel, body, request.headers):
            return reply({"pong": True})
        if not self._is_genuine(channel, body, request.headers):
            logger().warning("webhook_not_genuine", channel=name, body_bytes=len(body))
            return problem(HTTPStatus.UNAUTHORIZED, f"{_proof_of(channel)} is missing or wrong")
        names = _names(channel)
        topic = _only(request.headers, names.topic)
        if not TOPIC.fullmatch(topic):
            return problem(HTTPStatus.BAD_REQUEST, f"{names.topic} is missing or is no topic")
        return await self._store(name, names, topic, body, request.headers)

    def _is_genuine(self, channel: ChannelSettings, body: bytes, headers: CIMultiDictProxy[str]) -> bool:
        if channel.signed == "standard":
            return verify_standard((channel.secret, channel.previous_secret), body, headers, self.clock())
        return _is_signed(channel, body, headers)

    async def _store(
        self, channel: str, names: Names, topic: str, body: bytes, headers: CIMultiDictProxy[str]
    ) -> web.Response:
        message_id = f"{channel}:{_delivery(names, topic, body, headers)}"
        token = kept_topic(self.channels[channel].kind, topic)
        kept = {
            "doorstep-channel": channel,
            "doorstep-topic": topic if topic_token(topic) == token else token,
            "doorstep-message-id": message_id,
            "doorstep-received-at": rfc3339(self.clock()),
        }
        shop = headers.get(names.shop, "")
        if SHOP.fullmatch(shop):
            kept["doorstep-shop"] = shop
        subject = f"evt.channels.{channel}.{token}"
        try:
            with self.pace.serving():
                if self.bodies is not None:
                    body, lock = await self.bodies.seal(message_id, body)
                    kept |= lock
                stored = await self.runtime.publish_raw(subject, body, kept, message_id)
        except (BusAway, KeysAway):
            return _try_again()
        except Forgotten:
            return reply({"stored": 0, "forgotten": True})
        return reply({"stored": stored}, HTTPStatus.ACCEPTED)


async def _bounded(request: web.Request) -> bytes | None:
    """The body; None, without reading on, as soon as it is too large."""
    if (request.content_length or 0) > BODY_BYTES_MAX:
        return None
    body = bytearray()
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)


def _is_ping(channel: ChannelSettings, body: bytes, headers: CIMultiDictProxy[str]) -> bool:
    """WooCommerce signs no ping; one that carries a signature all the same must have the right one."""
    if channel.kind != "woocommerce" or not PING.fullmatch(body):
        return False
    return SIGNATURE_HEADERS[channel.kind] not in headers or _is_signed(channel, body, headers)


def _is_signed(channel: ChannelSettings, body: bytes, headers: CIMultiDictProxy[str]) -> bool:
    return verify(channel.kind, (channel.secret, channel.previous_secret), body, headers)


def _names(channel: ChannelSettings) -> Names:
    return STANDARD if channel.signed == "standard" else HEADERS[channel.kind]


def _proof_of(channel: ChannelSettings) -> str:
    return SIGNATURE if channel.signed == "standard" else SIGNATURE_HEADERS[channel.kind]


def _only(headers: CIMultiDictProxy[str], name: str) -> str:
    """A header's value; nothing where it is not there, or there twice and so says two things."""
    given = headers.getall(name, [])
    return given[0] if len(given) == 1 else ""


def _delivery(names: Names, topic: str, body: bytes, headers: CIMultiDictProxy[str]) -> str:
    """The channel's id of this delivery and what it says: the same when it is delivered again, and only then.

    Few schemes sign the id. Alone it would let a delivery that was listened to, sent again under the id of one that is
    still to come, keep that one out of the stream. It stays as long as the message does, readable: one that may be
    more than an id is left out.
    """
    given, digest = _only(headers, names.message_id), digest_of(topic, body)
    return f"{given}:{digest}" if DELIVERY_ID.fullmatch(given) else digest


def _too_large() -> web.Response:
    return _closing(
        problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large", bytes_max=BODY_BYTES_MAX)
    )


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response


def _try_again() -> web.Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the message could not be stored; send it again",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
