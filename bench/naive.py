"""The naive twin: the same five services and the same decisions, one message at a time.

A plain FastStream handler takes one message, writes one transaction, publishes each event and waits for its
acknowledgement, then acknowledges the message. This is how the tutorials do it, and what `naive_ratio` compares with.

    python -m bench.naive inventory --url nats://127.0.0.1:8088 --folder DIR
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
from datetime import datetime
from pathlib import Path
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.js import api

from chassis.batch import NewEvent
from chassis.clock import wall_clock
from chassis.declare import Message, Service
from chassis.items import Incoming
from chassis.reactor import Reactor
from chassis.sqlite_store import SQLiteStore
from contracts.catalogue import STREAMS, sources_of, subject_of


class Twin:
    """One service, handling one message at a time."""

    def __init__(self, service: Service, broker: NatsBroker, store: SQLiteStore) -> None:
        self._service = service
        self._broker = broker
        self._reactor = Reactor(service, store, wall_clock)
        self._one_at_a_time = asyncio.Lock()

    def subscribe(self) -> None:
        """One plain subscriber per source stream, with a consumer of its own that begins after our position."""
        for stream, subjects in sources_of(self._service.name).items():
            known = self._reactor.positions.get(stream)
            subscriber = self._broker.subscriber(
                subjects[0] if len(subjects) == 1 else f"evt.{stream.lower()}.>",
                stream=JStream(stream, declare=False),
                durable=f"naive_{self._service.name}",
                pull_sub=PullSub(batch_size=1, timeout=5.0),
                config=api.ConsumerConfig(
                    filter_subjects=list(subjects),
                    ack_policy=api.AckPolicy.EXPLICIT,
                    deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                    opt_start_seq=known.stream_seq + 1 if known else 1,
                ),
                ack_policy=AckPolicy.MANUAL,
                decoder=_undecoded,
            )
            subscriber(self._handler(stream))

    def _handler(self, stream: str) -> Any:
        async def handle(data: Any, message: NatsMessage) -> None:
            async with self._one_at_a_time:
                for event in (
                    await asyncio.to_thread(self._reactor.process, [self._incoming(stream, message)])
                ).batch.events:
                    await self._publish(event)
            await message.ack()

        return handle

    @staticmethod
    def _incoming(stream: str, message: NatsMessage) -> Incoming:
        raw = message.raw_message
        sequence = raw.metadata.sequence.stream
        position = sequence if stream == "CHANNELS" else int(message.headers["ce-sequence"])
        moment: datetime = raw.metadata.timestamp
        return Incoming(Message(stream, sequence, raw.subject, message.headers, raw.data, moment), position)

    async def _publish(self, event: NewEvent) -> None:
        headers = dict(line.split(": ", 1) for line in event.headers.decode().split("\r\n") if line)
        headers |= {
            "ce-id": f"{self._service.name}/{event.entity}/{event.version}",
            "ce-type": event.type,
            "ce-subject": event.entity,
            "ce-sequence": str(event.position),
        }
        await self._broker.publish(
            event.data,
            subject_of(event.type),
            headers=headers,
            stream=STREAMS[self._service.name],
            timeout=5.0,
        )


async def _undecoded(message: Any) -> Any:
    return message.body


async def main() -> None:
    """Run one service's twin until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    wiring = importlib.import_module(f"services.{chosen.service}.wiring")
    broker = NatsBroker(chosen.url, logger=None)
    store = SQLiteStore(chosen.folder / f"{chosen.service}.sqlite")
    twin = Twin(wiring.build().service, broker, store)
    twin.subscribe()
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
