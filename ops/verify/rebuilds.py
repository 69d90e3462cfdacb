"""I11: a service's state is what its events make of it, byte for byte. Here the services' own tables run."""

from __future__ import annotations

from collections.abc import Callable

from chassis.declare import Service
from ops.console import CannotDo
from ops.history.replay import replay
from ops.verify.evidence import Evidence
from ops.verify.verdict import Tally, Verdict


def judge_rebuilds(evidence: Evidence, table_of: Callable[[str], Service]) -> Verdict:
    """Replay every service within its snapshot."""
    tally = Tally("I11")
    for service, store in evidence.stores.items():
        tally.checked += 1
        try:
            outcome = replay(table_of(service), store, store)
        except CannotDo as reason:
            tally.fault(service, str(reason))
            continue
        if not outcome.equal:
            tally.fault(service, outcome.difference)
    return tally.verdict()
