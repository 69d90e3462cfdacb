"""What sealing personal data costs: the same backlog with it off and on, in pairs, each order of another customer.

    python -m bench.sealing --orders 1500 --pairs 2

Every order makes a new key: the dearest case. Processor time per order is the figure to go by on a shared machine.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from bench.measures import CHANNEL, throughput
from bench.system import System

OFF, ON = "false", "true"


def run(port_base: int, orders: int, seal: str) -> dict[str, Any]:
    """One fresh system, one backlog; verified afterwards."""
    settings = {
        f"DOORSTEP_CHANNELS__{CHANNEL.upper()}__KIND": "canonical",
        "DOORSTEP_PERSONAL__SEAL": seal,
    }
    with System(port_base, **settings) as system:
        system.stock()
        found = throughput(system, 0, orders)
        system.wait_called()
        system.verify()
    return {
        "seal": seal,
        "orders_per_s": found["orders_per_s"],
        "cpu_us_per_order": found["cpu_us_per_order"],
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_500)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--port-base", type=int, default=28_080)
    asked = parser.parse_args()
    for _ in range(asked.pairs):
        for seal in (OFF, ON):
            print(json.dumps(run(asked.port_base, asked.orders, seal)), flush=True)


if __name__ == "__main__":
    main()
