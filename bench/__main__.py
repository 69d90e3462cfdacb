"""`make bench`: measure this build on this machine, print a table, write it to bench/results/.

Every figure comes from real processes: nats-server with `sync_interval: always`, SQLite with `synchronous=FULL`, or
PostgreSQL with `fsync` and `synchronous_commit`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.machine import about
from bench.measures import (
    CHANNEL,
    GATEWAY_CHANNEL,
    WEBHOOK_SECRET,
    catch_up,
    dispatch_latency,
    events_stored,
    idle,
    naive,
    proof,
    rebuild,
    throughput,
    webhook_latency,
)
from bench.system import System

RESULTS = Path(__file__).parent / "results"
SQLITE = "sqlite"
MILLION = 1_000_000
GROWN_ORDERS = 6_000

FLOORS: dict[str, tuple[str, float]] = {
    "throughput_orders_per_s": (">=", 600),
    "naive_ratio": (">=", 15),
    "dispatch_p99_ms_at_50": ("<=", 100),
    "dispatch_p99_ms_at_300": ("<=", 250),
    "webhook_p99_ms": ("<=", 50),
    "rebuild_events_per_s": (">=", 50_000),
    "growth_ratio": (">=", 0.8),
    "catch_up_ratio": (">=", 0.8),
    "verify_events_per_s": (">=", 16_667),
    "idle_cpu_percent": ("<=", 3),
}
"""What a release has to reach on two cores. A million events are verified within a minute."""
FLOORS_ELSEWHERE: dict[str, tuple[str, float]] = {"throughput_orders_per_s": (">=", 300)}
"""What it has to reach where the stores are in PostgreSQL, on the same two cores."""


BEGAN = time.monotonic()


def say(text: str) -> None:
    """Progress, on stderr, with the seconds since the start."""
    print(f"bench {time.monotonic() - BEGAN:4.0f} s: {text}", file=sys.stderr, flush=True)


def record(figures: dict[str, Any], **found: Any) -> None:
    """Keep figures, and say them at once: a long run that is cut short has still told something."""
    figures |= found
    say(
        "  ".join(
            f"{key} {value:,.2f}" if isinstance(value, float) else f"{key} {value}"
            for key, value in found.items()
        )
    )


def measure(quick: bool, port_base: int, orders: int, store: str) -> dict[str, Any]:
    """All figures, or only throughput and the naive twin, which works on copies of SQLite files."""
    figures: dict[str, Any] = {**about(), "store": store}
    settings = {
        f"DOORSTEP_CHANNELS__{CHANNEL.upper()}__KIND": "canonical",
        f"DOORSTEP_CHANNELS__{CHANNEL.upper()}__SECRET": WEBHOOK_SECRET,
        f"DOORSTEP_CHANNELS__{GATEWAY_CHANNEL.upper()}__KIND": "canonical",
        f"DOORSTEP_CHANNELS__{GATEWAY_CHANNEL.upper()}__PAYMENT": "gateway",
    }
    with System(port_base, store, **settings) as system:
        system.stock()
        if not quick:
            say("idle")
            record(figures, idle_cpu_percent=idle(system, 10)["cpu_percent"])
        say(f"throughput of {orders} orders")
        fresh = throughput(system, 0, orders)
        record(
            figures,
            throughput_orders_per_s=fresh["orders_per_s"],
            throughput_events_per_s=fresh["events_per_s"],
            cpu_us_per_order=fresh["cpu_us_per_order"],
            events_per_order=fresh["events_per_order"],
        )
        _round_off(system)
        number = orders
        if not quick:
            number = _the_rest(system, number, fresh, figures)
        record(figures, rss_mb=system.memory())
        if store != SQLITE:
            return figures
        say("the naive twin")
        record(figures, naive_orders_per_s=naive(system, number)["orders_per_s"])
        record(figures, naive_ratio=figures["throughput_orders_per_s"] / figures["naive_orders_per_s"])
    if not quick:
        _over_http(port_base, settings, figures)
    return figures


def _round_off(system: System) -> None:
    """Whether all adds up, while the last mails are written; then nothing is under way any more."""
    system.verify()
    system.wait_called()


def _over_http(port_base: int, settings: dict[str, str], figures: dict[str, Any]) -> None:
    """The way that leaves the house twice: captured through the HTTP gateway, labelled by the HTTP carrier."""
    say("50 orders/s through the HTTP gateway and the HTTP carrier")
    with System(port_base, **settings, DOORSTEP_SHIPPING__CARRIER="sandbox") as system:
        system.stock()
        found = dispatch_latency(system, 0, 50, 15, "unpaid", GATEWAY_CHANNEL)
        system.wait_called()
        system.verify()
    record(figures, http_orders_per_s=found["orders_per_s"], http_dispatch_p99_ms_at_50=found["p99_ms"])


def _the_rest(system: System, number: int, fresh: dict[str, Any], figures: dict[str, Any]) -> int:
    for per_second, seconds, key in (
        (50, 15, "dispatch_p99_ms_at_50"),
        (300, 12, "dispatch_p99_ms_at_300"),
    ):
        say(f"latency at {per_second} orders/s")
        found = dispatch_latency(system, number, per_second, seconds)
        record(figures, **{key: found["p99_ms"], key.replace("p99", "p50"): found["p50_ms"]})
        number += found["orders"]
    say("webhooks at 100/s")
    record(figures, webhook_p99_ms=webhook_latency(system, number, 100, 12)["p99_ms"])
    number += 1200
    _round_off(system)
    say("rebuild of each service")
    record(figures, rebuild_events_per_s=rebuild(system)["events_per_s"])
    say("catching up after 60 s without shipping")
    record(figures, catch_up_ratio=catch_up(system, number, 100, 60, fresh["orders_per_s"])["ratio"])
    number += 6000
    missing = max(0, MILLION - events_stored(system))
    more = int(missing / fresh["events_per_order"]) + 1
    say(f"{more} more orders, to a million stored events")
    throughput(system, number, more)
    number += more
    system.wait_called()
    say("throughput with a million events stored")
    grown = throughput(system, number, GROWN_ORDERS)
    record(figures, growth_ratio=grown["orders_per_s"] / fresh["orders_per_s"])
    system.wait_called()
    say("verify, over all of it")
    record(figures, verify_events_per_s=proof(system)["events_per_s"])
    return number + GROWN_ORDERS


def table(figures: dict[str, Any]) -> str:
    """The figures for people, with what they have to reach."""
    lines = []
    for key, value in figures.items():
        if isinstance(value, dict):
            value = "  ".join(f"{k} {v}" for k, v in value.items())
        elif isinstance(value, float):
            value = f"{value:,.2f}"
        sign, floor = floors(figures).get(key, ("", 0))
        met = "" if not sign else "ok" if reached(key, figures) else "MISSED"
        lines.append(f"{key:32} {value!s:>14}   {f'{sign} {floor:,}' if sign else '':12} {met}".rstrip())
    return "\n".join(lines)


def floors(figures: dict[str, Any]) -> dict[str, tuple[str, float]]:
    """What these figures have to reach."""
    return FLOORS if figures.get("store", SQLITE) == SQLITE else FLOORS_ELSEWHERE


def reached(key: str, figures: dict[str, Any]) -> bool:
    """Whether a figure reaches its floor."""
    sign, floor = floors(figures)[key]
    return bool(figures[key] >= floor if sign == ">=" else figures[key] <= floor)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="throughput and the naive twin only (two minutes)"
    )
    parser.add_argument(
        "--orders", type=int, default=0, help="orders in the throughput run (default 30,000; quick 15,000)"
    )
    parser.add_argument("--port-base", type=int, default=28_080)
    parser.add_argument("--store", choices=(SQLITE, "postgres"), default=SQLITE)
    chosen = parser.parse_args()
    orders = chosen.orders or (15_000 if chosen.quick else 30_000)
    figures = measure(chosen.quick, chosen.port_base, orders, chosen.store)
    record(figures, seconds=round(time.monotonic() - BEGAN, 1))
    RESULTS.mkdir(exist_ok=True)
    name = "latest" if chosen.store == SQLITE else f"latest-{chosen.store}"
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=2))
    print(table(figures))
    missed = [key for key in floors(figures) if key in figures and not reached(key, figures)]
    if missed:
        sys.exit(f"below the floor: {', '.join(missed)}")


if __name__ == "__main__":
    main()
