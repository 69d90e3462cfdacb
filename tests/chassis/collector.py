"""A collector of traces: a real OTLP/HTTP receiver that keeps what it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """A span as it arrived, ids in hex; `parent` is empty for the first of a trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object]
    links: tuple[str, ...]
    began: int
    ended: int


@dataclass
class Collector:
    """Listens on a port of its own, for the length of `async with`. Answers `status` to whatever comes."""

    status: int = 200
    spans: list[Span] = field(default_factory=list)
    requests: int = 0
    raw: list[bytes] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Collector:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1/traces"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def steps(self) -> list[Span]:
        """All but the batches."""
        return [span for span in self.spans if not span.name.endswith(" batch")]

    async def _take(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        if self.status != 200:
            return web.Response(status=self.status)
        self.raw.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_read(names["service.name"], span) for span in scope.spans]
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )


def _read(service, span) -> Span:
    attributes = {}
    for a in span.attributes:
        array = a.value.array_value.values
        attributes[a.key] = tuple(v.string_value for v in array) if array else a.value.string_value
    return Span(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        attributes,
        tuple(link.span_id.hex() for link in span.links),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )
