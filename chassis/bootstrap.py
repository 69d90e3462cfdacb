"""Create and reconcile the streams and consumers of a cell. Run by its own user before any service, never by one.

`python -m chassis.bootstrap` does it for the configured system. Where a server of the cluster has not joined yet, it
waits for that one: a job that ends and is started again loses more time with every attempt.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from nats.js import JetStreamContext, api
from nats.js.errors import APIError, BadRequestError, NotFoundError

from chassis.bus import DISCONNECTED, Bus, BusAway, connect
from chassis.names import Names
from chassis.settings import system
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES

STREAM_BYTES_MAX = 20 * 1024**3
ACK_WAIT_SECONDS = 30.0
ACK_PENDING_MAX = 10_000
CONSUMER_NAME_IN_USE, STREAM_NAME_IN_USE = 10148, 10058
NO_SUITABLE_PEERS = 10005
"""Of fewer servers than a stream is to have copies it is known that they are there, and have the room."""
PATIENCE_SECONDS, AGAIN_SECONDS = 120.0, 0.5


def stream_config(
    names: Names, producer: str, replicas: int = 1, bytes_max: int = STREAM_BYTES_MAX
) -> api.StreamConfig:
    """One stream per producer: kept for ever, append-only, full means refused, never dropped."""
    return api.StreamConfig(
        name=names.stream(STREAMS[producer]),
        subjects=[names.subject(f"evt.{producer}.>")],
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW,
        max_bytes=bytes_max,
        max_age=0,
        num_replicas=replicas,
        deny_delete=True,
        deny_purge=True,
        allow_direct=True,
        allow_atomic=True,
        duplicate_window=600,
    )


def consumer_config(names: Names, service: str, subjects: tuple[str, ...]) -> api.ConsumerConfig:
    """One durable pull consumer per service and source stream, filtered to what the service needs."""
    return api.ConsumerConfig(
        durable_name=names.durable(service),
        ack_policy=api.AckPolicy.ALL,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=ACK_PENDING_MAX,
        deliver_policy=api.DeliverPolicy.ALL,
        replay_policy=api.ReplayPolicy.INSTANT,
        filter_subjects=[names.subject(subject) for subject in subjects],
    )


async def bootstrap(
    bus: Bus, replicas: int | None = None, channels_from: int = 1, bytes_max: int = STREAM_BYTES_MAX
) -> None:
    """Make streams and consumers what they should be. Safe to run again at any time.

    `replicas` is how many copies there are of each stream; None leaves a stream as many as it has, a new one gets one.

    `channels_from` is the first sequence of CHANNELS if it has to be created: where that stream was lost, the one
    after what was read of it, so that a sequence never means two messages.
    """
    jetstream = bus.jetstream
    for producer in STREAMS:
        config = stream_config(bus.names, producer, replicas or 1, bytes_max)
        await _reconcile_stream(
            jetstream, config, channels_from if producer == "channels" else 1, keeps_copies=replicas is None
        )
    for service in SERVICES:
        for stream, subjects in sources_of(service).items():
            await jetstream.add_consumer(
                bus.names.stream(stream), consumer_config(bus.names, service, subjects)
            )


async def _reconcile_stream(
    jetstream: JetStreamContext, config: api.StreamConfig, first_seq: int, *, keeps_copies: bool
) -> None:
    assert config.name is not None
    try:
        known = await jetstream.stream_info(config.name)
    except NotFoundError:
        await jetstream.add_stream(config.evolve(first_seq=first_seq if first_seq > 1 else None))
        return
    copies = known.config.num_replicas if keeps_copies else config.num_replicas
    config = config.evolve(first_seq=known.config.first_seq, num_replicas=copies)
    try:
        await jetstream.update_stream(config)
    except BadRequestError as refused:
        if _may_pass(refused):
            raise
        raise BusAway(
            f"stream {config.name} cannot be brought to its configuration: {refused.description}"
        ) from refused


def _may_pass(refused: Exception) -> bool:
    """Whether it passes by itself when the rest of the cluster comes."""
    return isinstance(refused, DISCONNECTED) or getattr(refused, "err_code", None) == NO_SUITABLE_PEERS


async def patiently(make: Callable[[], Awaitable[None]], within_seconds: float = PATIENCE_SECONDS) -> None:
    """Make it as soon as the cluster is able to, and say once what it is not able to yet.

    Raises `BusAway` with what the servers said: when the time is over, and at once where waiting would change nothing.
    """
    deadline, said = time.monotonic() + within_seconds, ""
    while True:
        try:
            return await make()
        except (*DISCONNECTED, APIError) as refused:
            reason = getattr(refused, "description", None) or str(refused) or type(refused).__name__
            if not _may_pass(refused) or time.monotonic() > deadline:
                raise BusAway(reason) from refused
        if reason != said:
            sys.stderr.write(f"waiting: {reason}\n")
            said = reason
        await asyncio.sleep(AGAIN_SECONDS)


async def main(said: argparse.Namespace) -> None:
    """Bootstrap the configured system."""
    settings = system()
    async with connect(settings.nats_url, "bootstrap", Names(settings.cell)) as bus:
        await patiently(lambda: bootstrap(bus, said.replicas, said.channels_from, said.stream_gib * 1024**3))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m chassis.bootstrap", description=__doc__)
    arguments.add_argument(
        "--channels-from", type=int, default=1, help="first sequence of CHANNELS, if it is missing"
    )
    arguments.add_argument(
        "--replicas", type=int, help="copies of each stream: 3 in a cluster; left as they are if not said"
    )
    arguments.add_argument(
        "--stream-gib", type=int, default=STREAM_BYTES_MAX // 1024**3, help="what one stream may hold, in GiB"
    )
    try:
        asyncio.run(main(arguments.parse_args()))
    except BusAway as away:
        sys.exit(f"bootstrap: {away}")
