"""Many seeds: each is one history and its judgement; the same seed is always the same."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import batched

import structlog

from tests.simulation.bugs import planted
from tests.simulation.judgement import fingerprint, judge
from tests.simulation.schedule import Schedule

PROCESSES = 2
SEEDS_AT_ONCE = 10


@dataclass(frozen=True)
class Run:
    """What became of a seed: what is wrong, what was done to the system, and a hash of everything that came of it."""

    seed: int
    wrong: tuple[str, ...]
    happened: dict[str, int]
    hash: str


def run(seed: int, bug: str | None = None) -> Run:
    """Live one seed and judge it twice: when it is calm, and when every promise has run out."""
    with planted(bug):
        schedule = Schedule(seed)
        try:
            world = schedule.run()
            wrong = judge(world, schedule.work)
            if not wrong:
                schedule.days_later()
                wrong = judge(world, schedule.work)
        except Exception:  # noqa: BLE001 - whatever it is, this seed has found it
            wrong = [traceback.format_exc(limit=-4)]
        return Run(seed, tuple(wrong), schedule.world.happened, fingerprint(schedule.world))


def run_all(seeds: Iterable[int], bug: str | None = None) -> Iterator[Run]:
    """Every seed, in order, in two processes."""
    with ProcessPoolExecutor(PROCESSES, initializer=quiet) as pool:
        for runs in pool.map(partial(_run_some, bug), batched(seeds, SEEDS_AT_ONCE)):
            yield from runs


def _run_some(bug: str | None, seeds: Iterable[int]) -> list[Run]:
    return [run(seed, bug) for seed in seeds]


def first_caught(bug: str, seeds: Iterable[int]) -> Run | None:
    """The first seed that finds a planted bug."""
    return next((found for seed in seeds if (found := run(seed, bug)).wrong), None)


def quiet() -> None:
    """What services log of their faults is not told: thousands of them are meant."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
