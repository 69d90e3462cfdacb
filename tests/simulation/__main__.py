"""`python -m tests.simulation --seeds N --first S [--json] [--bug NAME]`: exit 1 if any seed finds something wrong."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.simulation.bugs import BUGS
from tests.simulation.runs import Run, run_all


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    parser.add_argument("--bug", choices=sorted(BUGS), help="plant this bug, to see it found")
    asked = parser.parse_args()
    started, runs = time.monotonic(), []
    for run in run_all(range(asked.first, asked.first + asked.seeds), asked.bug):
        runs.append(run)
        if run.wrong and not asked.json:
            print(f"seed {run.seed}: {'; '.join(run.wrong)[:1500]}", flush=True)
    report = summary(runs, time.monotonic() - started)
    print(json.dumps(report) if asked.json else readable(report))
    return 1 if report["failed"] else 0


def summary(runs: Sequence[Run], seconds: float) -> dict:
    """All seeds together: `failed` says by seed what was wrong, `happened` counts the faults that were there."""
    happened: Counter[str] = Counter()
    for run in runs:
        happened.update(run.happened)
    return {
        "seeds": len(runs),
        "seconds": round(seconds, 1),
        "failed": {str(run.seed): list(run.wrong) for run in runs if run.wrong},
        "happened": dict(sorted(happened.items())),
    }


def readable(report: dict) -> str:
    """For people."""
    lines = [f"  {count:>7,}  {what}" for what, count in report["happened"].items()]
    verdict = f"{len(report['failed'])} failed" if report["failed"] else "nothing wrong"
    return "\n".join((f"{report['seeds']} seeds in {report['seconds']} s: {verdict}", *lines))


if __name__ == "__main__":
    sys.exit(main())
