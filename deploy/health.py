"""`python -m deploy.health`: exit 0 if this container's process lives. For container engines that know no HTTP probe.

Asks `DOORSTEP_HEALTH_URL`, by default the `/livez` of orders.
"""

from __future__ import annotations

import os
import sys
import urllib.request

URL = "http://127.0.0.1:8081/livez"
WITHIN_SECONDS = 2.0


def main() -> None:
    """Ask once."""
    url = os.environ.get("DOORSTEP_HEALTH_URL", URL)
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_SECONDS):  # noqa: S310 - our own container's port
            return
    except OSError as fault:
        sys.exit(f"health: {url}: {fault}")


if __name__ == "__main__":
    main()
