"""`python -m deploy.observability.rules --write`: the alerts as an object of the Prometheus Operator.

`alerts.yaml` is what people edit and promtool tries; the cluster's copy is the same text below a head, and a test holds
them together.
"""

from __future__ import annotations

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


def as_object() -> str:
    """The rules, indented below `spec`."""
    lines = ALERTS.read_text().splitlines()
    return HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        OBJECT.write_text(as_object())
    elif not OBJECT.exists() or OBJECT.read_text() != as_object():
        sys.exit(
            f"{OBJECT.name} is not what {ALERTS.name} says: python -m deploy.observability.rules --write"
        )
