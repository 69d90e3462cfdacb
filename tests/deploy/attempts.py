"""Every subject and API verb that somebody could try on the bus, each with who may: the rules, written a second time.

Nothing here comes from the generator: where the two disagree, one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.catalogue import CATALOGUE, STREAMS
from contracts.parking import SERVICES

NOBODY: frozenset[str] = frozenset()
MAKER, READER = frozenset({"bootstrap"}), frozenset({"ops"})
MAY_TAKE_WEBHOOKS = frozenset({"orders", "channels"})
OF_A_STREAM = {
    "CREATE": MAKER,
    "UPDATE": MAKER,
    "DELETE": NOBODY,
    "PURGE": NOBODY,
    "MSG.GET": NOBODY,
    "MSG.DELETE": NOBODY,
    "SNAPSHOT": NOBODY,
    "RESTORE": NOBODY,
    "PEER.REMOVE": NOBODY,
    "LEADER.STEPDOWN": NOBODY,
}
OF_THE_WHOLE = (
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.ACCOUNT.PURGE.DOORSTEP",
    "$JS.API.META.LEADER.STEPDOWN",
    "$JS.API.SERVER.REMOVE",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.DOORSTEP.CONNZ",
    "$KV.anything.key",
    "evt",
    "evt.nobody.happened.v1",
    "eu.evt.orders.order_accepted.v1",
    "anything",
)


def reads(service: str, stream: str) -> bool:
    """Whether the catalogue names the service as a consumer of anything in the stream."""
    return any(entry.stream == stream and service in entry.consumers for entry in CATALOGUE)


def publications() -> dict[str, frozenset[str]]:
    """Subject to the users who may publish on it."""
    whole = ((subject, NOBODY) for subject in OF_THE_WHOLE)
    return dict((*_events(), *_streams(), *_consumers(), *of_two_forms(), *_inboxes(), *whole))


def _events() -> Iterator[tuple[str, frozenset[str]]]:
    for entry in CATALOGUE:
        of_a_channel = entry.producer == "channels"
        yield entry.subject, MAY_TAKE_WEBHOOKS if of_a_channel else frozenset({entry.producer})
    yield "evt.channels.shopify.orders_create", MAY_TAKE_WEBHOOKS
    for service in SERVICES:
        yield f"evt.{service}.made_up.v1", NOBODY
        yield f"evt.{service}", NOBODY


def _streams() -> Iterator[tuple[str, frozenset[str]]]:
    for producer, stream in STREAMS.items():
        owner = frozenset({producer} & set(SERVICES))
        readers = frozenset(service for service in SERVICES if reads(service, stream))
        yield f"$JS.API.STREAM.INFO.{stream}", MAKER | READER | owner | readers
        yield f"$JS.API.DIRECT.GET.{stream}", READER | owner | readers
        yield f"$JS.API.DIRECT.GET.{stream}.evt.{producer}.anything.v1", NOBODY
        yield f"$JS.API.CONSUMER.NAMES.{stream}", NOBODY
        yield f"$JS.API.CONSUMER.LIST.{stream}", NOBODY
        yield f"$JS.API.CONSUMER.CREATE.{stream}", NOBODY
        yield from (
            (f"$JS.API.CONSUMER.{verb}.{stream}.audit-1", NOBODY)
            for verb in ("CREATE", "INFO", "MSG.NEXT", "DELETE")
        )
        yield from ((f"$JS.API.STREAM.{verb}.{stream}", who) for verb, who in OF_A_STREAM.items())


def _consumers() -> Iterator[tuple[str, frozenset[str]]]:
    for stream in STREAMS.values():
        for service in SERVICES:
            there = reads(service, stream)
            user = frozenset({service}) if there else NOBODY
            place = f"{stream}.{service}"
            yield f"$JS.ACK.{place}.1.2.2.1700000000000000000.0", user
            yield f"$JS.ACK._.ACCHASH.{place}.1.2.2.1700000000000000000.0", user
            yield f"$JS.API.CONSUMER.INFO.{place}", user | READER if there else NOBODY
            yield f"$JS.API.CONSUMER.DURABLE.CREATE.{place}", MAKER if there else NOBODY
            yield from ((f"$JS.API.CONSUMER.{verb}.{place}", user) for verb in ("MSG.NEXT", "RESET"))
            yield from (
                (f"$JS.API.CONSUMER.{verb}.{place}", NOBODY)
                for verb in ("CREATE", "DELETE", "PAUSE", "UNPIN", "LEADER.STEPDOWN")
            )
            yield f"$JS.API.CONSUMER.CREATE.{place}.evt.orders.order_accepted.v1", NOBODY


def consumers() -> Iterator[tuple[str, str]]:
    """Every consumer that there is: its stream, and the service that reads it."""
    return (
        (stream, service) for stream in STREAMS.values() for service in SERVICES if reads(service, stream)
    )


def of_two_forms() -> Iterator[tuple[str, frozenset[str]]]:
    """Acknowledgements that name one consumer in the server's first form, whose they are, and one in its second."""
    for stream, service in consumers():
        for other_stream, other in consumers():
            yield f"$JS.ACK.{stream}.{service}.{other_stream}.{other}.1.1.1", frozenset({service})


def _inboxes() -> Iterator[tuple[str, frozenset[str]]]:
    for user in (*SERVICES, "channels", "bootstrap", "ops"):
        yield f"_INBOX_{user}.answer", NOBODY


def subscriptions() -> dict[str, frozenset[str]]:
    """Subject to the users who may listen to it."""
    closed = (
        ">",
        "*",
        "evt.>",
        "evt.*.>",
        "_INBOX.>",
        "_INBOX_orders",
        "$JS.>",
        "$JS.EVENT.>",
        "$SYS.>",
        "$JS.ACK.>",
    )
    own = {f"_INBOX_{user}.>": frozenset({user}) for user in (*SERVICES, "channels", "bootstrap", "ops")}
    events = (f"evt.{producer}.>" for producer in STREAMS)
    return dict.fromkeys((*closed, *events), NOBODY) | own
