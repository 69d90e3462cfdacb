"""What sealing personal data costs: the same backlog with it off and on, in pairs, each order of another customer.

    python -m bench.sealing --orders 6000 --pairs 3

Every order makes a new key: the dearest case. Three pairs take about five minutes on two cores.
"""

from __future__ import annotations

from functools import partial

from bench.measures import CHANNEL
from bench.pairs import Figures, command_line, measured, report
from bench.system import System


def run(port_base: int, orders: int, *, seals: bool) -> Figures:
    """One fresh system, one backlog."""
    settings = {
        f"DOORSTEP_CHANNELS__{CHANNEL.upper()}__KIND": "canonical",
        "DOORSTEP_PERSONAL__SEAL": str(seals).lower(),
    }
    with System(port_base, **settings) as system:
        system.stock()
        return measured(system, orders)


def main() -> None:
    """The command line."""
    asked = command_line(__doc__).parse_args()
    one = partial(run, asked.port_base, asked.orders)
    report(asked.pairs, partial(one, seals=False), partial(one, seals=True))


if __name__ == "__main__":
    main()
