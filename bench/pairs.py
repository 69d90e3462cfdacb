"""What one thing costs: the same backlog without it and with it, in pairs of fresh systems, each run verified.

The first of a pair is the other one each time, as machines get warm. On a shared machine the processor time per order
is the figure to go by.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from bench.measures import throughput
from bench.system import System

type Figures = dict[str, Any]
type Run = Callable[[], Figures]


def command_line(description: str | None) -> argparse.ArgumentParser:
    """How many orders and pairs, and where; what else a measure asks for is added to it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=6_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--port-base", type=int, default=28_080)
    return parser


def measured(system: System, orders: int) -> Figures:
    """The backlog on a stocked system, and that it adds up."""
    found = throughput(system, 0, orders)
    system.wait_called()
    system.verify()
    return {"orders_per_s": found["orders_per_s"], "cpu_us_per_order": found["cpu_us_per_order"]}


def report(pairs: int, off: Run, on: Run) -> None:
    """A line of JSON for each pair, and one for all: what it costs, in percent."""
    found = []
    for number in range(pairs):
        found.append(_pair(number, off, on))
        print(json.dumps(found[-1]), flush=True)
    print(json.dumps({"median": _summary(found)}), flush=True)


def _pair(number: int, off: Run, on: Run) -> Figures:
    first, second = (on, off) if number % 2 else (off, on)
    ran = {first: first(), second: second()}
    return {
        "off": ran[off],
        "on": ran[on],
        "throughput_cost_percent": 100 * (1 - ran[on]["orders_per_s"] / ran[off]["orders_per_s"]),
        "cpu_cost_percent": 100 * (ran[on]["cpu_us_per_order"] / ran[off]["cpu_us_per_order"] - 1),
    }


def _summary(pairs: Sequence[Figures]) -> Figures:
    costs = ("throughput_cost_percent", "cpu_cost_percent")
    return {"pairs": len(pairs), **{cost: median(found[cost] for found in pairs) for cost in costs}}
