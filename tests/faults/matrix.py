"""The fault matrix: what can go wrong, what is promised then, and the tests that break it on purpose.

`python -m tests.faults.matrix` writes `docs/faults.md` from it, and with `--tests` prints what pytest has to run;
`test_matrix.py` holds page, table and tests together.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "faults.md"
HEAD = """# What can go wrong, and which test makes it happen

Written from `tests/faults/matrix.py` by `python -m tests.faults.matrix`; a test holds this page, the table and the
tests together. Each test proves that its fault really happened, heals it, waits until nothing is under way, and judges
every order by an independent model, by the gateways' own books and by `doorstep verify` (I1-I13). Seeds are printed;
`FAULTS_SEED` tries another. `make test-faults` runs them all, three at a time, and those that compare times alone;
`make test` runs those that are quick.

| | what goes wrong | what must hold | tried by | where it stops |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """One fault. `tests` are paths under tests/, each with `::name` where it is one test of many.

    `limit` says what of the fault is not tried, and why.
    """

    name: str
    fault: str
    promise: str
    tests: tuple[str, ...]
    limit: str = ""

    def line(self) -> str:
        """As the page shows it."""
        shown = ", ".join(f"`{test.removeprefix('faults/')}`" for test in self.tests)
        return f"| {self.name} | {self.fault} | {self.promise} | {shown} | {self.limit} |"


KILLED = "faults/test_killed_anywhere.py"
SIMULATED = "simulation/test_simulation.py"

MATRIX = (
    Row(
        "F1",
        "SIGKILL of a service, anywhere",
        "goes on by itself, nothing lost, nothing twice, at full speed within 15 s",
        (KILLED, "faults/test_taken_away.py::test_whoever_is_killed_is_back_at_full_speed_in_time"),
    ),
    Row(
        "F2",
        "SIGKILL of the only nats-server",
        "commands go on, the stream catches up, no second effect",
        (
            KILLED,
            "faults/test_taken_away.py::test_whoever_is_killed_is_back_at_full_speed_in_time",
            "chassis/test_outages.py::test_nats_killed_in_the_middle_loses_nothing_and_doubles_nothing",
        ),
    ),
    Row(
        "F3",
        "each stream of a cluster loses its leader",
        "stall of at most 15 s, fewer than 50 attempts a second",
        ("faults/test_cluster.py::test_the_leader_of_every_stream_is_killed",),
    ),
    Row(
        "F4",
        "all nodes of a cluster killed at once",
        "stall of at most 15 s, nothing acknowledged is lost",
        ("faults/test_cluster.py::test_all_nodes_are_killed_at_once",),
    ),
    Row(
        "F5",
        "a leader stops answering (SIGSTOP) and comes back",
        "stall of at most 15 s, it leads no more",
        ("faults/test_cluster.py::test_a_leader_that_stops_answering_and_comes_back",),
    ),
    Row(
        "F6",
        "power cut under the bus",
        "with `sync_interval: always` nothing acknowledged is lost; without, the stores give it back",
        ("faults/test_power_cut.py",),
        "a file system of ours forgets what was not synced: no device mapper here",
    ),
    Row(
        "F7",
        "a stream is gone, or lacks messages",
        "noticed within 10 s, published again, readers see nothing twice",
        ("ops/test_heal_holes.py", "chassis/test_outages.py"),
    ),
    Row(
        "F8",
        "a bit flips in a stream's file, or its end is cut; the bus loses its memory; a node loses its disk",
        "noticed and healed; never a wrong effect",
        (
            "faults/test_damaged_files.py",
            "faults/test_cluster.py::test_a_node_that_lost_its_disk_takes_everything_from_the_others",
        ),
    ),
    Row(
        "F9",
        "partitions: services and bus, minority and majority, one way only, a bridge; a swizzle",
        "who is cut off takes nothing on; afterwards all is done once",
        ("faults/test_partitions.py", "faults/test_cluster.py::test_nodes_are_cut_off_from_each_other"),
        "by proxies on every road, so it needs no root; packets are late, not lost, as under TCP",
    ),
    Row(
        "F10",
        "delays, resets, one byte at a time, little bandwidth, half-open connections",
        "queues and memory stay bounded, everything arrives once",
        ("faults/test_slow_network.py", "faults/test_tcp_proxy.py"),
        "in user space: `tc netem` is not everywhere",
    ),
    Row(
        "F11",
        "one service cannot keep up",
        "its lag shows it, its memory stays flat, the others are not held up",
        (
            "faults/test_starved.py::test_a_service_that_takes_its_time_holds_nobody_up",
            "faults/test_slow_network.py",
        ),
        "one service that is given little of a processor, or hears nothing for half a minute",
    ),
    Row(
        "F12",
        "the bus's disk is full, or a stream's limit is reached",
        "not ready, webhooks are answered 503, goes on once there is room",
        ("faults/test_full_disk.py",),
    ),
    Row(
        "F13",
        "a store's disk is full",
        "no answer that promises anything; goes on once there is room",
        ("faults/test_full_disk.py",),
    ),
    Row(
        "F14",
        "PostgreSQL ends connections, is killed, is away",
        "waited for; what was committed stays",
        ("chassis/test_postgres_outages.py", "faults/test_standby_takes_over.py"),
    ),
    Row(
        "F15",
        "the connection is cut at COMMIT",
        "one effect, whatever became of the COMMIT",
        ("chassis/test_postgres_outages.py::test_a_connection_cut_at_commit_has_one_effect",),
    ),
    Row(
        "F16",
        "power cut under a store; a damaged event",
        "committed events are there; the chain names the damaged one",
        ("faults/test_power_cut.py", "ops/test_verify_chain.py"),
    ),
    Row(
        "F17",
        "everything is delivered again",
        "no second effect, the same answer",
        (
            KILLED,
            SIMULATED,
            "chassis/test_outages.py::"
            "test_a_lost_stream_is_published_again_and_changes_nothing_for_its_readers",
        ),
    ),
    Row("F18", "messages of different producers in any order", "the same ends", (SIMULATED,)),
    Row(
        "F19",
        "messages that nobody can read or handle",
        "each kept with its reason, the good ones are not held up",
        ("faults/test_bad_input.py", "faults/test_bad_beside_good.py", "chassis/test_message_to_fact.py"),
    ),
    Row(
        "F20",
        "an event of a later version",
        "parked, never guessed, and applied once after the upgrade",
        (
            "chassis/test_message_to_fact.py::test_an_unknown_event_type_is_parked_never_guessed",
            "ops/test_park.py",
        ),
    ),
    Row(
        "F21",
        "two versions side by side, upgrade and back",
        "nothing lost, nothing parked for good",
        ("deploy/test_rolling_upgrade.py",),
    ),
    Row(
        "F22",
        "clocks 5 min off and back by an hour",
        "order by the producer's sequence, ids and duplicates by what was said, timers come when the clock is right",
        ("faults/test_clock_skew.py", SIMULATED),
        "services only: nats-server asks the kernel itself. Webhooks of these channels carry no time to hold against"
        " a clock. Skipped without libfaketime (`apt install faketime`)",
    ),
    Row(
        "F23",
        "a replay while orders come in",
        "equal, no effect, nothing published",
        ("ops/test_replay_under_traffic.py",),
    ),
    Row(
        "F24",
        "a store is older than what its peers have seen",
        "catches up where its stream goes on from the same history, stops where it is another one",
        (
            "faults/test_set_back.py",
            "chassis/test_catching_up.py",
            "simulation/test_set_back.py",
        ),
    ),
    Row(
        "F25",
        "gateway and carrier: no answer after the effect, faults, silence",
        "one charge, one label; a breaker; what is in doubt is asked for",
        (
            "billing/test_capturing_for_real.py",
            "billing/test_http_gateway.py",
            "chassis/test_breaker.py",
            KILLED,
        ),
    ),
    Row(
        "F26",
        "far more webhooks than the shop can take",
        "429 beyond the limit, the accepted in time, memory flat",
        ("faults/test_overload.py::test_five_times_too_much_is_turned_away_and_the_rest_is_served_as_ever",),
        "here for some seconds; `make test-long` makes it ten times too much for a minute",
    ),
    Row(
        "F27",
        "two and three of a kind at once; migrations at once",
        "one works, the others wait their turn",
        (
            "faults/test_two_of_a_kind.py",
            "faults/test_standby_takes_over.py",
            "chassis/test_shared_consumer.py",
            "chassis/test_migrations.py",
        ),
    ),
    Row(
        "F28",
        "SIGTERM in the middle of work; memory or descriptors run out",
        "drains and exits 0; what cannot be opened is opened later",
        (
            "faults/test_taken_away.py::test_told_to_stop_in_the_middle_of_orders_it_drains_and_ends_well",
            "ops/test_supervisor_processes.py",
            "faults/test_starved.py::test_services_without_a_file_descriptor_to_spare_take_no_harm",
        ),
        "out of memory the kernel sends SIGKILL, which is F1",
    ),
)


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(row.line() for row in MATRIX) + "\n"


def missing() -> list[str]:
    """Tests that the table names and that do not exist."""
    return [test for row in MATRIX for test in row.tests if not _exists(test)]


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = TESTS / path
    return file.is_file() and f"def {name}" in file.read_text()


def selection() -> list[str]:
    """What pytest has to run: each test once, those of a file together and in its order, as they share a system."""
    chosen = dict[str, set[str]]()
    for test in (test for row in MATRIX for test in row.tests):
        path, _, name = test.partition("::")
        chosen.setdefault(path, set()).add(name)
    return [
        f"tests/{path}{name and f'::{name}'}"
        for path, names in chosen.items()
        for name in _ordered(path, names)
    ]


def _ordered(path: str, names: set[str]) -> list[str]:
    text = (TESTS / path).read_text()
    return [""] if "" in names else sorted(names, key=lambda name: text.index(f"def {name}"))


if __name__ == "__main__":
    if "--tests" in sys.argv:
        print("\n".join(selection()))
    else:
        PAGE.write_text(page())
