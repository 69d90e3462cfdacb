"""Traces: one OpenTelemetry span for each step of a story, sent by OTLP over HTTP, if `[traces] url` says where to.

A trace follows an order by the `traceparent` of its events through all services. Which span a step is and which came
before it is decided with the step, from the log alone (`ids.py`); here it is only told. Telling is never in the way:
what is decided goes on a bounded queue, a thread sends it, and what finds no room or nobody who takes it is dropped
and counted. No personal data: a span bears types and ids.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import Counter
from pydantic import BaseModel, Field

from chassis.addresses import private_hosts
from chassis.ids import span_id
from chassis.items import Incoming, Item
from chassis.logs import logger
from chassis.metrics import Meter, type_of
from chassis.reactor import Committed
from chassis.work import Cause

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanContext

WAITING_MAX = 8_192
TOGETHER_MAX = 512
SEND_WITHIN_SECONDS = 5.0
LAST_WORDS_SECONDS = 2.0


class Traces(BaseModel):
    """The `[traces]` table. `url` is an OTLP/HTTP endpoint (`http://collector:4318/v1/traces`), empty for no traces.

    `share` of all stories is told, by their trace id: a story is told by every service, or by none; what is told is
    sent every `every_seconds`.
    """

    url: str = ""
    share: float = Field(default=0.05, ge=0.0, le=1.0)
    every_seconds: float = Field(default=5.0, gt=0.0, le=60.0)


class Told(NamedTuple):
    """A step on its way out: times in nanoseconds since 1970, `types` those of its events."""

    cause: Cause
    kind: str
    types: tuple[str, ...]
    batch: str
    batch_items: int
    began: int
    ended: int


class Tracer:
    """Tells of one service's steps."""

    def __init__(self, service: str, settings: Traces, meter: Meter) -> None:
        self._service = service
        self._settings = settings
        self._below = f"{min(int(settings.share * 2**64), 2**64 - 1):016x}"
        self._waiting: deque[Told] = deque()
        self._encoder: _Encoder | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="traces")
        spans = Counter(
            "doorstep_spans",
            "Spans of traces, by what became of them",
            ["service", "fate"],
            registry=meter.registry,
        )
        self._sent, self._crowded, self._refused = (
            spans.labels(service, fate) for fate in ("sent", "dropped", "refused")
        )

    @property
    def on(self) -> bool:
        """Whether anything is told at all."""
        return bool(self._settings.url) and self._settings.share > 0

    def batch(self, items: Sequence[Item], committed: Committed, seconds: float) -> None:
        """A batch is durable, and took so long: its sampled steps that caused something are told."""
        ended = time.time_ns()
        began = ended - int(seconds * 1e9)
        for item, outcome in zip(items, committed.outcomes, strict=True):
            cause = outcome.cause
            if cause is None or not outcome.events or cause.trace[16:] > self._below:
                continue
            if len(self._waiting) >= WAITING_MAX:
                self._crowded.inc()
                continue
            first = committed.batch.events[0].position
            self._waiting.append(
                Told(
                    cause,
                    kind_of_step(item),
                    tuple(type(event).TYPE for event in outcome.events),
                    f"{self._service}/{first}",
                    len(items),
                    began,
                    ended,
                )
            )

    async def run(self) -> None:
        """Send what waits, every few seconds, for ever. What that takes is imported now, not while orders wait."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._deliver, [])
        while True:
            await asyncio.sleep(self._settings.every_seconds)
            while self._waiting:
                await self._send()

    async def stop(self) -> None:
        """Send what is left, within two seconds."""
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._waiting:
                    await self._send()
        except TimeoutError:
            self._crowded.inc(len(self._waiting))
            self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _send(self) -> None:
        told = [self._waiting.popleft() for _ in range(min(TOGETHER_MAX, len(self._waiting)))]
        arrived = await asyncio.get_running_loop().run_in_executor(self._thread, self._deliver, told)
        (self._sent if arrived else self._refused).inc(len(told))

    def _deliver(self, told: list[Told]) -> bool:
        try:
            if self._encoder is None:
                self._encoder = _Encoder(self._service, self._settings.url)
            return not told or self._encoder.deliver(told)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with a collector, the shop goes on; it is counted
            logger().error("traces_failed", error=repr(fault))
            return False


class _Encoder:
    """OpenTelemetry's own spans and exporter, imported only where traces are on. Lives on the sending thread."""

    def __init__(self, service: str, url: str) -> None:
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource

        from chassis.collecting import session_to

        logging.getLogger("opentelemetry").setLevel(
            logging.CRITICAL
        )  # what is refused is counted, and said once
        self._service = service
        self._resource = Resource({"service.name": f"doorstep-{service}", "service.namespace": "doorstep"})
        session, self._way = session_to(url, private_hosts())
        self._exporter = OTLPSpanExporter(
            url, timeout=SEND_WITHIN_SECONDS, compression=Compression.Gzip, session=session
        )
        self._arrives = True

    def deliver(self, told: list[Told]) -> bool:
        """Send these steps and the batches they were in; returns whether they were taken."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        batches = {step.batch: step for step in told}.values()
        spans = [*(self._step(step) for step in told), *(self._batch(step) for step in batches)]
        arrived = self._exporter.export(spans) is SpanExportResult.SUCCESS
        if arrived is not self._arrives:
            self._arrives = arrived
            logger().warning(
                "traces_taken_again" if arrived else "traces_not_taken",
                spans=len(told),
                error=self._way.trouble,
            )
        return arrived

    def _step(self, step: Told) -> ReadableSpan:
        from opentelemetry.trace import Link

        cause = step.cause
        about = {
            "doorstep.correlation_id": cause.correlation,
            "doorstep.causation_id": cause.causation,
            "doorstep.events": step.types,
        }
        parent = _context(cause.trace, cause.parent) if cause.parent else None
        name, context = f"{self._service} {step.kind}", _context(cause.trace, cause.span)
        return self._span(name, context, parent, about, (Link(_batch_context(step)),), step)

    def _batch(self, step: Told) -> ReadableSpan:
        about = {"doorstep.batch.items": step.batch_items}
        return self._span(f"{self._service} batch", _batch_context(step), None, about, (), step)

    def _span(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        about: Mapping[str, Any],
        links: Sequence[Link],
        step: Told,
    ) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan

        return ReadableSpan(
            name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=about,
            links=links,
            start_time=step.began,
            end_time=step.ended,
        )


def _batch_context(step: Told) -> SpanContext:
    """A batch is a trace of its own, which the steps of many stories link to."""
    trace = span_id(step.batch, "trace", "high") + span_id(step.batch, "trace", "low")
    return _context(trace, span_id(step.batch, "batch", ""))


def _context(trace: str, span: str) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(1))


def kind_of_step(item: Item) -> str:
    """What was decided on: the type of an event, a channel's message, or what else an item is."""
    if isinstance(item, Incoming):
        return type_of(item.message)
    return type(item).__name__.lower()
