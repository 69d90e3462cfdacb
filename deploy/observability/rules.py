"""`python -m deploy.observability.rules --write`: the alerts as an object of the Prometheus Operator.

`alerts.yaml` is what people edit and promtool tries; the cluster's copy is the same text below a head, and a test holds
them together. `--print --runbooks URL` prints that copy with a `runbook_url` for each runbook, as Alertmanager and
Grafana show it, for those who have this repository's pages at an address of their own.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ALERTS = Path(__file__).with_name("alerts.yaml")
OBJECT = Path(__file__).parents[1] / "kubernetes" / "monitoring" / "rules.yaml"
HEAD = """\
# Generated from deploy/observability/alerts.yaml by `python -m deploy.observability.rules --write`; do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: doorstep
spec:
"""
RUNBOOK = re.compile(r"^( +)runbook: docs/runbooks/(\S+)$", re.MULTILINE)


def as_object(runbooks: str = "") -> str:
    """The rules, indented below `spec`; with the address of the folder of runbooks, links to them."""
    lines = ALERTS.read_text().splitlines()
    text = HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)
    return RUNBOOK.sub(rf"\g<0>\n\1runbook_url: {runbooks.rstrip('/')}/\2", text) if runbooks else text


def main() -> None:
    """Print it, write it, or else say whether it is what the rules are."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observability.rules", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true")
    what.add_argument("--print", action="store_true", dest="prints")
    parser.add_argument("--runbooks", metavar="URL", default="", help="with --print: where docs/runbooks is")
    said = parser.parse_args()
    if said.runbooks and not said.prints:
        parser.error("--runbooks goes with --print")
    if said.prints:
        sys.stdout.write(as_object(said.runbooks))
    elif said.write:
        OBJECT.write_text(as_object())
    elif not OBJECT.exists() or OBJECT.read_text() != as_object():
        sys.exit(
            f"{OBJECT.name} is not what {ALERTS.name} says: python -m deploy.observability.rules --write"
        )


if __name__ == "__main__":
    main()
