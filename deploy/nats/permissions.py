"""What each NATS user may publish and hear, derived from the catalogue: the one table of who says what to whom.

A service publishes the events it is the producer of, pulls and acknowledges its own consumers, and hears its own inbox.
It creates nothing and deletes nothing. `channels` puts messages on CHANNELS, `bootstrap` makes streams and consumers,
`ops` reads. What is not listed is refused.

Streams live in the account of `bootstrap`. Every other user has an account of its own, into which exactly these
subjects are imported: the answer to a request comes back into the account that asked, whatever reply subject it named
(docs/decisions/0014).

`python -m deploy.nats.permissions --write` writes `deploy/nats/users.conf`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chassis.names import Names
from contracts.catalogue import CATALOGUE, STREAMS, sources_of
from contracts.parking import SERVICES

API = "$JS.API"
INTAKE = "orders"
"""The service that takes webhooks, and so publishes what channels say."""
ANY_CHANNEL = "evt.channels.>"
WHAT_IS_ACKNOWLEDGED = "*.*.*.*.*"
"""Times delivered, sequence in the stream and in the consumer, time, and how many are left."""


@dataclass(frozen=True, slots=True)
class User:
    """A NATS user: what it may publish, and the inbox it may listen to.

    `keeps_streams`: it lives where the streams are, and not in an account of its own.
    """

    name: str
    publish: tuple[str, ...]
    keeps_streams: bool = False

    @property
    def inbox(self) -> str:
        """The subjects on which answers come back to this user, and to no other."""
        return f"_INBOX_{self.name}.>"

    @property
    def variable(self) -> str:
        """The server's environment variable with this user's public key, without its `NATS_NKEY_`."""
        return self.name.upper().replace("-", "_")


def users(cell: str = "default") -> tuple[User, ...]:
    """Every user of a cell; those of the cell `default` have plain names, those of `eu` begin with `eu-`."""
    names = Names(cell)
    rights: dict[str, Iterator[str]] = {service: _service(names, service) for service in SERVICES}
    rights |= {"channels": _channels(names), "bootstrap": _bootstrap(names), "ops": _ops(names)}
    return tuple(
        User(names.user(name), tuple(may), keeps_streams=name == "bootstrap") for name, may in rights.items()
    )


def _service(names: Names, service: str) -> Iterator[str]:
    for entry in CATALOGUE:
        if entry.producer == service:
            yield names.subject(entry.subject)
    if service == INTAKE:
        yield names.subject(ANY_CHANNEL)
    own, sources = STREAMS[service], sources_of(service)
    for stream in (own, *sources):
        yield f"{API}.STREAM.INFO.{names.stream(stream)}"
        yield f"{API}.DIRECT.GET.{names.stream(stream)}"
    for stream in sources:
        yield from _consumer(names.stream(stream), names.durable(service))


def _consumer(stream: str, durable: str) -> Iterator[str]:
    """Use of one consumer; its acknowledgements are named with the domain and account in the server's second form.

    Token by token: `$JS.ACK.*.*.ORDERS.inventory.>` would also be the first form of another's consumer, whose
    deliveries could then be taken (`+NXT`) by who names them `$JS.ACK.CHANNELS.orders.ORDERS.inventory.1.1.1`.
    """
    for verb in ("MSG.NEXT", "INFO", "RESET"):
        yield f"{API}.CONSUMER.{verb}.{stream}.{durable}"
    yield f"$JS.ACK.{stream}.{durable}.{WHAT_IS_ACKNOWLEDGED}"
    yield f"$JS.ACK.*.*.{stream}.{durable}.{WHAT_IS_ACKNOWLEDGED}"


def _channels(names: Names) -> Iterator[str]:
    yield names.subject(ANY_CHANNEL)


def _bootstrap(names: Names) -> Iterator[str]:
    for stream in STREAMS.values():
        for verb in ("INFO", "CREATE", "UPDATE"):
            yield f"{API}.STREAM.{verb}.{names.stream(stream)}"
    for service in SERVICES:
        for stream in sources_of(service):
            yield f"{API}.CONSUMER.DURABLE.CREATE.{names.stream(stream)}.{names.durable(service)}"


def _ops(names: Names) -> Iterator[str]:
    """It reads streams by asking for messages. Who may make a consumer may have it deliver where requests are expected,
    and so take what another's has, or set that one back: the server does not look at whose request it then is.
    """
    for name in STREAMS.values():
        yield f"{API}.STREAM.INFO.{names.stream(name)}"
        yield f"{API}.DIRECT.GET.{names.stream(name)}"
    for service in SERVICES:
        for name in sources_of(service):
            yield f"{API}.CONSUMER.INFO.{names.stream(name)}.{names.durable(service)}"


if __name__ == "__main__":
    from deploy.nats.users_file import main

    main()
