"""What is left of a damaged stream goes, and an empty one takes its place, for its producer to publish into again.

In place it cannot be mended: a stream only grows at its end, and its readers go by its order. Readers notice the new
stream by their consumers' numbering, go back to their positions, and pass over what they have applied.
"""

from __future__ import annotations

from contextlib import suppress

from nats.js.errors import NotFoundError

from chassis.bootstrap import consumer_config, stream_config
from chassis.bus import Bus
from contracts.catalogue import STREAMS, sources_of
from contracts.parking import SERVICES


async def make_again(bus: Bus, producer: str) -> None:
    """Delete the producer's stream and create it, empty, with its readers' consumers.

    Copies and size are those of CHANNELS, which the same bootstrap made. Raises what `chassis.bus.AWAY` names, also
    where this user may not do it; then it is tried again, or done by somebody who may (`doorstep heal --stream`).
    """
    names, jetstream, stream = bus.names, bus.jetstream, STREAMS[producer]
    like = (await jetstream.stream_info(names.stream(STREAMS["channels"]))).config
    with suppress(NotFoundError):
        await jetstream.delete_stream(names.stream(stream))
    await jetstream.add_stream(
        stream_config(names, producer).evolve(num_replicas=like.num_replicas, max_bytes=like.max_bytes)
    )
    for service in SERVICES:
        subjects = sources_of(service).get(stream)
        if subjects:
            await jetstream.add_consumer(names.stream(stream), consumer_config(names, service, subjects))
