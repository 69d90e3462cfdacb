"""`python -m deploy.health`: exit 0 if this container's process lives; says `active`, `standby` or `starting`.

For container engines that know no HTTP probe, and for people who look for the pod that works. Asks
`DOORSTEP_HEALTH_URL`, by default the `/livez` of the service that `DOORSTEP_SERVICE` or `DOORSTEP_NATS_USER` names, or
of orders.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Mapping

from contracts.services import SERVICES

FIRST_PORT = 8081
WITHIN_SECONDS = 2.0
ROLE, ACTIVE = "X-Doorstep-Role", "active"
"""As in `chassis/standby.py`, which takes longer to load than to answer. Who is active says nothing of it."""


def url_of(environment: Mapping[str, str]) -> str:
    """Where this container's process answers."""
    service = environment.get("DOORSTEP_SERVICE") or environment.get("DOORSTEP_NATS_USER", "")
    port = FIRST_PORT + (SERVICES.index(service) if service in SERVICES else 0)
    return environment.get("DOORSTEP_HEALTH_URL", f"http://127.0.0.1:{port}/livez")


def main() -> None:
    """Ask once."""
    url = url_of(os.environ)
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_SECONDS) as answer:  # noqa: S310 - our own container's port
            sys.stdout.write(f"{answer.headers.get(ROLE, ACTIVE)}\n")
    except OSError as fault:
        sys.exit(f"health: {url}: {fault}")


if __name__ == "__main__":
    main()
