"""What a service measures about itself, for Prometheus. Labels are bounded: types, streams and kinds, never ids."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from chassis.reactor import Committed, Incoming, Item

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Meter:
    """The instruments of one service."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        labels = {"service": service}
        self._events = Counter(
            "doorstep_events", "Events committed", ["service", "type"], registry=self.registry
        )
        self._messages = Counter(
            "doorstep_messages", "Messages taken in", ["service", "stream"], registry=self.registry
        )
        self._failed = Counter(
            "doorstep_items_failed",
            "Commands, timers and answers whose decision raised",
            ["service"],
            registry=self.registry,
        ).labels(**labels)
        self._batch = Histogram(
            "doorstep_batch_items",
            "Items per transaction",
            ["service"],
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        ).labels(**labels)
        self._service = service

    def batch(self, items: Sequence[Item], committed: Committed) -> None:
        """Count a committed batch."""
        self._batch.observe(len(items))
        for event_type, count in Tally(event.type for event in committed.batch.events).items():
            self._events.labels(self._service, event_type).inc(count)
        streams = Tally(item.message.stream for item in items if isinstance(item, Incoming))
        for stream, count in streams.items():
            self._messages.labels(self._service, stream).inc(count)
        self._failed.inc(sum(outcome.error is not None for outcome in committed.outcomes))

    def watch(self, name: str, help_text: str, look: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, help_text, ["service"], registry=self.registry).labels(self._service).set_function(look)

    def watch_each(
        self, name: str, help_text: str, label: str, looks: Mapping[str, Callable[[], float]]
    ) -> None:
        """A gauge for each of a fixed set of values of one label."""
        gauge = Gauge(name, help_text, ["service", label], registry=self.registry)
        for value, look in looks.items():
            gauge.labels(self._service, value).set_function(look)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
