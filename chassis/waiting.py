"""What waits for people in a service, for Prometheus: by kind how many there are, and for how long the oldest waits.

`ops/doctor/rules.py` says of each kind what it means, what ends it, and how long is too long; the alerts agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.clock import wall_clock
from chassis.http import Runtime
from chassis.metrics import Figure

LOOKED_AT_MAX = 50
"""Of one kind, those that began first: of more, the age is "at least"."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Things under one counted tag `name=value`. Those that are `dated` have waited since their newest event; a lasting
    entity such as a SKU goes on meanwhile, and nobody knows since when it waits.
    """

    tag: str
    dated: bool = True


async def waiting(runtime: Runtime, kinds: Mapping[str, Tagged]) -> tuple[Figure, Figure]:
    """Both figures, each with every kind: where nothing waits, 0."""
    counts = {kind: await _count(runtime, of.tag) for kind, of in kinds.items()}
    dated = {kind: of for kind, of in kinds.items() if of.dated}
    ages = {
        kind: await _oldest_seconds(runtime, of.tag) if counts[kind] else 0.0 for kind, of in dated.items()
    }
    return (
        Figure("doorstep_waiting", "Things that wait for a person", ("kind",), _by_kind(counts)),
        Figure(
            "doorstep_waiting_oldest_seconds",
            "For how long the oldest of them waits",
            ("kind",),
            _by_kind(ages),
        ),
    )


async def _count(runtime: Runtime, tag: str) -> int:
    name, _, value = tag.partition("=")
    return (await runtime.counts(name)).get(value, 0)


async def _oldest_seconds(runtime: Runtime, tag: str) -> float:
    histories = [await runtime.history(entity) for entity in await runtime.tagged(tag, LOOKED_AT_MAX)]
    now = wall_clock()
    since = min((history[-1].time for history in histories if history), default=now)
    return max(0.0, (now - since).total_seconds())


def _by_kind(found: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(kind,): value for kind, value in found.items()}
