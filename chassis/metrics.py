"""What a service measures about itself, for Prometheus. Labels are bounded: types, streams and kinds, never ids.

Counting happens once for each batch, in plain integers; Prometheus' own structures are made when somebody looks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from chassis.clock import wall_clock
from chassis.declare import Message
from chassis.items import RAW_STREAM, Incoming, Item
from chassis.reactor import Committed, Outcome
from contracts.catalogue import BY_TYPE

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
DELAY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
STORY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43_200, 259_200)
RAW_TYPE = "channel_message"
"""The label `type` of a channel's own message, whatever its topic."""
UNKNOWN_TYPE = "unknown"
TIMED_PER_BATCH = 32
STORIES_MAX = 20_000
"""Beginnings of stories that are remembered; a story that went on for longer, or over a restart, is not measured."""


class Figure(NamedTuple):
    """A gauge as it was found: its value for each combination of label values, which are closed sets.

    With `counted` it only grows, and is told as a counter: `_total` is added to its name.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]
    counted: bool = False


class Buckets:
    """A histogram with one label, counted in plain lists: a tenth of the cost of observing one by one."""

    def __init__(self, name: str, help_text: str, bounds: Sequence[float], label: str = "type") -> None:
        self._name, self._help, self._bounds, self._label = name, help_text, bounds, label
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, value: str, amount: float, times: int = 1) -> None:
        """One more of this label value, or so many alike."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * (len(self._bounds) + 1)
            self._sums[value] = 0.0
        counts[bisect_left(self._bounds, amount)] += times
        self._sums[value] += amount * times

    def family(self, service: str) -> Metric:
        """As Prometheus has it: cumulative counts."""
        family = HistogramMetricFamily(self._name, self._help, labels=["service", self._label])
        names = [*map(str, map(float, self._bounds)), "+Inf"]
        for value, counts in self._counts.items():
            total, buckets = 0, []
            for name, count in zip(names, counts, strict=True):
                total += count
                buckets.append((name, float(total)))
            family.add_metric([service, value], buckets, self._sums[value])
        return family


class Meter:
    """The instruments of one service."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.figures: Sequence[Figure] = ()
        """What was found when somebody looked last (`measures.py`)."""
        self._service = service
        self._events = self._counter("doorstep_events", "Events committed", "type")
        self._messages = self._counter("doorstep_messages", "Messages taken in", "stream")
        self._failed = self._counter(
            "doorstep_items_failed", "Commands, timers and answers whose decision raised"
        ).labels(service)
        self._batch = Buckets("doorstep_batch_items", "Items per transaction", BATCH_BUCKETS, "part")
        self._spent = Buckets(
            "doorstep_batch_seconds", "Time to decide and commit a batch", DELAY_BUCKETS, "part"
        )
        self._delay = Buckets(
            "doorstep_decision_delay_seconds",
            "From the time that a message bears to its decision, durable",
            DELAY_BUCKETS,
        )
        self._story = Buckets(
            "doorstep_story_seconds",
            "From a channel's message to this event of its story, in the service that takes it in",
            STORY_BUCKETS,
        )
        self._begun: OrderedDict[str, datetime] = OrderedDict()
        self.registry.register(self)

    def batch(self, items: Sequence[Item], committed: Committed, seconds: float = 0.0) -> None:
        """Count a committed batch, which took so long."""
        self._batch.observe("all", len(items))
        self._spent.observe("all", seconds)
        for event_type, count in Tally(event.type for event in committed.batch.events).items():
            self._events.labels(self._service, event_type).inc(count)
        streams = Tally(item.message.stream for item in items if isinstance(item, Incoming))
        for stream, count in streams.items():
            self._messages.labels(self._service, stream).inc(count)
        self._failed.inc(sum(outcome.error is not None for outcome in committed.outcomes))
        if RAW_STREAM in streams:
            self._begin(items)
        self._time(items, committed.outcomes)

    def _time(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> None:
        """How long things took. Of a large batch, one item in a few speaks for its neighbours."""
        every, now = 1 + len(items) // TIMED_PER_BATCH, wall_clock()
        for item, outcome in zip(items[::every], outcomes[::every], strict=True):
            if isinstance(item, Incoming):
                delay = (now - item.message.time).total_seconds()
                self._delay.observe(type_of(item.message), max(0.0, delay), every)
            began = self._begun.get(outcome.cause.correlation) if outcome.cause else None
            if began is not None:
                taken = max(0.0, (now - began).total_seconds())
                for event in outcome.events:
                    self._story.observe(type(event).TYPE, taken, every)

    def _begin(self, items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, Incoming) and item.message.stream == RAW_STREAM:
                self._begun[item.message.id] = item.message.time
        while len(self._begun) > STORIES_MAX:
            self._begun.popitem(last=False)

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

    def collect(self) -> Iterator[Metric]:
        """What is counted in plain integers and what was found in the store, as prometheus-client asks for it."""
        for buckets in (self._batch, self._spent, self._delay, self._story):
            yield buckets.family(self._service)
        yield from self._gauges(self.figures)

    def _gauges(self, figures: Iterable[Figure]) -> Iterator[Metric]:
        for figure in figures:
            kind = CounterMetricFamily if figure.counted else GaugeMetricFamily
            family = kind(figure.name, figure.help, labels=["service", *figure.labels])
            for labels, value in figure.values.items():
                family.add_metric([self._service, *labels], value)
            yield family

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, ["service", *labels], registry=self.registry)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


def type_of(message: Message) -> str:
    """A type of the catalogue, or what stands for all others: what a stranger writes in a header is no label."""
    if message.stream == RAW_STREAM:
        return RAW_TYPE
    event_type = message.headers.get("ce-type", "")
    return event_type if event_type in BY_TYPE else UNKNOWN_TYPE
