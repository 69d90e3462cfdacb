"""`python -m deploy.health`: exit 0 if this container's process lives. For container engines that know no HTTP probe.

Asks `DOORSTEP_HEALTH_URL`, by default the `/livez` of the service that `DOORSTEP_NATS_USER` names, or of orders.
"""

from __future__ import annotations

import os
import sys
import urllib.request

from contracts.services import SERVICES

FIRST_PORT = 8081
WITHIN_SECONDS = 2.0


def main() -> None:
    """Ask once."""
    user = os.environ.get("DOORSTEP_NATS_USER", "")
    port = FIRST_PORT + (SERVICES.index(user) if user in SERVICES else 0)
    url = os.environ.get("DOORSTEP_HEALTH_URL", f"http://127.0.0.1:{port}/livez")
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_SECONDS):  # noqa: S310 - our own container's port
            return
    except OSError as fault:
        sys.exit(f"health: {url}: {fault}")


if __name__ == "__main__":
    main()
