"""The options and arguments that more than one command takes, each with its words."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.kept import Kept

PORT_BASE_MAX = 65_000


class ServiceName(StrEnum):
    """A service, as typed on the command line."""

    ORDERS = "orders"
    INVENTORY = "inventory"
    SHIPPING = "shipping"
    BILLING = "billing"
    NOTIFY = "notify"


DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data folder of the embedded system.  [default: var]"),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port-base",
        min=1,
        max=PORT_BASE_MAX,
        metavar="N",
        help="First of its ten ports.  [default: remembered, else 8080]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
ActorOption = Annotated[str, typer.Option("--actor", help="Who does it; recorded.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; recorded.")]
StoreOption = Annotated[
    Kept | None, typer.Option("--store", help="Where a new data folder is to keep its stores.")
]
NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Where to; must be empty or new.")]
