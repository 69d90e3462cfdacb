"""`doorstep doctor`: what is unhealthy or waits for people, in plain words, and what to do about it.

Every examination is a function from what was found (`looking.py`) to complaints; the table of them is the whole of the
doctor's knowledge. What people have to decide is in `waiting.py`. Nothing is changed: looking is safe at
any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from contracts.services import SERVICES
from ops.checks import CHECKS, in_words, meaning
from ops.doctor.complaints import SEVERITIES, Complaint
from ops.doctor.looking import Copies, Found
from ops.doctor.waiting import payouts_unexplained, waiting_for_people

LAG_MAX = 1_000
"""Messages. A backlog of an import is worked off at more than this each second; what stays behind stands still."""
RELAY_SECONDS_MAX = 5.0
FAILING_MIN = 3
"""Calls in a row without an answer: one or two are the weather."""
LATE_SECONDS_MAX = 60.0
DISK_FREE_MIN = 0.10
DISK_FREE_BYTES_MIN = 2 * 1024**3
CLOCK_SECONDS_MAX = 2.0
"""Of a service against this machine and of NATS against both; webhooks with a time stamp allow for minutes."""

type Status = dict[str, Any]
"""What a service says of itself at `/ops/status`."""
type Examination = Callable[[Found], Iterator[Complaint]]


def examine(found: Found) -> list[Complaint]:
    """Everything that is to be said: what is severe first, what only informs last."""
    said = [complaint for examination in EXAMINATIONS for complaint in examination(found)]
    return sorted(said, key=lambda complaint: SEVERITIES.index(complaint.severity))


def _silent(found: Found) -> Iterator[Complaint]:
    if found.silent.keys() >= set(SERVICES):
        yield Complaint(
            "system",
            f"no service answers: {next(iter(found.silent.values()))}",
            "start it, `doorstep up`, or say where it is: --data, --port-base, or `[system.services]`",
            "service-down",
            "severe",
        )
        return
    for name, reason in found.silent.items():
        yield Complaint(
            name,
            f"does not answer: {reason}",
            f"look at the end of its log (under `doorstep up`: {found.logs}/{name}.log); start it again",
            "service-down",
            "severe",
        )


def _starting(found: Found) -> Iterator[Complaint]:
    for name, reason in found.starting.items():
        do = "bring what it waits for back: it goes on by itself, and need not be started again"
        yield Complaint(name, f"does not work yet: {reason}", do, "service-down", "severe")


def _not_ready(name: str, status: Status) -> Iterator[Complaint]:
    for check, said in status["checks"].items():
        if not said["ok"]:
            failing = meaning(check, said)
            yield Complaint(name, in_words(check, said), failing.do, failing.runbook, "severe")


def _behind(name: str, status: Status) -> Iterator[Complaint]:
    for stream, lag in status["lag"].items():
        if lag > LAG_MAX and status["checks"].get("lag", {}).get("ok"):
            yield Complaint(name, f"is {lag:,} messages behind {stream}", CHECKS["lag"].do, "consumer-reset")


def _relay(name: str, status: Status) -> Iterator[Complaint]:
    age = status["relay_age_seconds"]
    if age > RELAY_SECONDS_MAX and status["checks"]["relay"]["ok"]:
        what = f"{status['relay_behind']:,} events wait to be published, the oldest for {age:.0f} s"
        yield Complaint(name, what, CHECKS["relay"].do, "nats-unhealthy")


def _parked(name: str, status: Status) -> Iterator[Complaint]:
    if status["parked"]:
        yield Complaint(
            name,
            "1 message is parked and waits for a person"
            if status["parked"] == 1
            else f"{status['parked']:,} messages are parked and wait for a person",
            "`doorstep park list` says why; mend the cause, then "
            "`doorstep park retry ID --actor YOU --reason WHY` (or `park discard`)",
            "parked-messages",
        )


def _calls(name: str, status: Status) -> Iterator[Complaint]:
    for kind, calls in status["calls"].items():
        if calls["failing"] >= FAILING_MIN:
            yield Complaint(
                name,
                f"calls of the kind `{kind}` fail: {calls['failing']:,} in a row had no answer,"
                f" {calls['pending']:,} wait",
                "see whether the other side is down (its status page, its address in doorstep.toml, the"
                " credentials); calls are made again by themselves, none twice",
                "calls-failing",
            )
        elif doubtful := calls.get("in_doubt", 0):
            yield Complaint(
                name,
                f"{doubtful:,} calls of the kind `{kind}` may have reached the other side, and no answer came",
                "nothing: each is asked for by its reference before it is made again",
                "calls-failing",
                "information",
            )


def _timers(name: str, status: Status) -> Iterator[Complaint]:
    if status["timers_late_seconds"] > LATE_SECONDS_MAX:
        yield Complaint(
            name,
            f"{status['timers_late']:,} timers are late, by up to {status['timers_late_seconds']:,.0f} s",
            "look for `timer_failed` in the log: a decision raises, or the clock jumped",
            "timers-late",
        )


def _disks(found: Found) -> Iterator[Complaint]:
    disks = {name: status["disk"] for name, status in found.services.items()} | found.disks
    full = {
        (disk["free_bytes"] // 2**20, disk["size_bytes"]): name
        for name, disk in reversed(disks.items())
        if disk["free_bytes"] < min(DISK_FREE_BYTES_MIN, disk["size_bytes"] * DISK_FREE_MIN)
    }
    for (free_mb, size), name in full.items():
        what = f"the disk with its data is nearly full: {free_mb:,} MB of {size // 2**20:,} MB are free"
        yield Complaint(
            name, what, "make room, or give it a bigger volume; never delete a store", "disk-full", "severe"
        )


def _nats(found: Found) -> Iterator[Complaint]:
    if found.nats:
        yield Complaint(
            "nats",
            f"is not healthy: {found.nats}",
            "look at its log and its disk; the services wait and go on by themselves",
            "nats-unhealthy",
            "severe",
        )


def _copies_away(found: Found) -> Iterator[Complaint]:
    for server, streams in found.streams_short.items():
        yield Complaint(
            "nats",
            f"its server {server} is away or behind, and with it a copy of {', '.join(sorted(streams))}",
            "bring it back before another fails: without two of three nothing is published",
            "nats-unhealthy",
        )


def _clocks(found: Found) -> Iterator[Complaint]:
    for name, ahead in found.clocks.items():
        if abs(ahead) > CLOCK_SECONDS_MAX:
            way = "ahead of" if ahead > 0 else "behind"
            yield Complaint(
                name,
                f"its clock is {abs(ahead):.0f} s {way} this machine's",
                "synchronise both with NTP; order and ids do not depend on clocks, but timers and webhook windows do",
                "timers-late",
            )


def _copies(found: Found) -> Iterator[Complaint]:
    for name, copies in found.copies.items():
        if what := _difference(copies):
            yield Complaint(
                name,
                what,
                "`doorstep verify` names the place; do not restart or heal before both copies are kept",
                "history-diverged",
                "severe",
            )


def _difference(copies: Copies) -> str:
    if copies.in_stream > copies.in_store:
        return f"its stream has {copies.in_stream:,} events, its store only {copies.in_store:,}: the store was set back"
    if copies.last_differs:
        return f"store and stream differ at position {copies.last_differs:,}"
    return ""


def _of_each(look_at: Callable[[str, Status], Iterator[Complaint]]) -> Examination:
    """The same look at every service that answered."""
    return lambda found: (
        complaint for name, status in found.services.items() for complaint in look_at(name, status)
    )


EXAMINATIONS: tuple[Examination, ...] = (
    _silent,
    _starting,
    _nats,
    _copies_away,
    _of_each(_not_ready),
    _copies,
    _disks,
    _of_each(_relay),
    _of_each(_behind),
    _of_each(_calls),
    _of_each(_parked),
    _of_each(_timers),
    _clocks,
    payouts_unexplained,
    waiting_for_people,
)
