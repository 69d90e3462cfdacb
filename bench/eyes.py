"""What metrics and traces cost: the same backlog unwatched and watched, in pairs of fresh systems.

    python -m bench.eyes --orders 6000 --pairs 3

Watched means that all five services are asked for their metrics every five seconds, and send their traces to a
collector that listens on this machine: a twentieth of all stories, as delivered, or `--share`. Scraper and collector
are threads of this process, so that what they use is not counted as the system's processor time; on a machine with few
cores it still is in the way. Three pairs take about six minutes on two cores.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from bench.measures import CHANNEL
from bench.pairs import Figures, command_line, measured, report
from bench.system import SERVICES, System

SCRAPE_SECONDS = 5.0
SPANS = re.compile(r'^doorstep_spans_total\{fate="(\w+)".*\} (\S+)$', re.MULTILINE)


class Collector(BaseHTTPRequestHandler):
    """Takes whatever it is sent by OTLP over HTTP, and answers as a collector that has kept it: with nothing to say."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the spans, all of them."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: this is a measurement."""


@contextmanager
def collecting() -> Iterator[str]:
    """The address of a collector that listens for the length of a block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        finally:
            server.shutdown()


@contextmanager
def scraping(system: System) -> Iterator[list[int]]:
    """Ask every service for its metrics every few seconds; gives the sizes of the answers, in bytes."""
    sizes: list[int] = []
    stopped = Event()

    def scrape() -> None:
        while not stopped.is_set():
            sizes.extend(len(metrics_of(system, service)) for service in SERVICES)
            stopped.wait(SCRAPE_SECONDS)

    scraper = Thread(target=scrape, daemon=True)
    scraper.start()
    try:
        yield sizes
    finally:
        stopped.set()
        scraper.join()


def metrics_of(system: System, service: str) -> str:
    """What Prometheus would be answered."""
    with urllib.request.urlopen(f"{system.url(service)}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def spans_of(system: System) -> dict[str, int]:
    """Spans that all services told of, by what became of them."""
    found: dict[str, int] = {}
    for service in SERVICES:
        for fate, count in SPANS.findall(metrics_of(system, service)):
            found[fate] = found.get(fate, 0) + int(float(count))
    return found


def unwatched(port_base: int, orders: int) -> Figures:
    """One fresh system that nobody looks at."""
    with System(port_base, **channel()) as system:
        system.stock()
        return measured(system, orders)


def watched(port_base: int, orders: int, share: float) -> Figures:
    """One fresh system that is scraped and tells its traces. A run that told none is no figure."""
    with collecting() as url:
        traces = {"DOORSTEP_TRACES__URL": url, "DOORSTEP_TRACES__SHARE": str(share)}
        with System(port_base, **channel(), **traces) as system:
            system.stock()
            with scraping(system) as sizes:
                figures = measured(system, orders)
            spans = spans_of(system)
    if not spans.get("sent") or not sizes:
        raise RuntimeError(f"nobody watched: spans {spans}, {len(sizes)} scrapes")
    return {**figures, "scrapes": len(sizes), "spans": spans}


def channel() -> dict[str, str]:
    """The settings of the bench's channel."""
    return {f"DOORSTEP_CHANNELS__{CHANNEL.upper()}__KIND": "canonical"}


def main() -> None:
    """The command line."""
    parser = command_line(__doc__)
    parser.add_argument("--share", type=float, default=0.05, help="of all stories, 0 to 1")
    asked = parser.parse_args()
    report(
        asked.pairs,
        partial(unwatched, asked.port_base, asked.orders),
        partial(watched, asked.port_base, asked.orders, asked.share),
    )


if __name__ == "__main__":
    main()
