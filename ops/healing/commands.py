"""`doorstep heal`: one copy of a service's history made again from the other."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import CannotDo, carry_out, tell
from ops.options import DataOption, JsonOption, PortOption, ServiceName
from ops.system import find


def heal(
    service: Annotated[ServiceName, typer.Argument(help="Whose copy is lost.")],
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="The STREAM is lost or lacks messages: publish again what only the store has; the store is read, not "
            "written. Where more than its end is missing, the stream is deleted, made anew and published whole.",
        ),
    ] = False,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="The STORE is lost or damaged: write it anew from the stream, which is only read. If the stream has "
            "gaps, nothing is changed and the command says so.",
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="With --store: replace the store that is there. What only it had is gone then: copy it first.",
        ),
    ] = False,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a lost store or stream again from the other. Name the one that is LOST.

    Stop the service first (an embedded system as a whole: its bus is started for the while). A running service mends
    its stream by itself; do it here where its NATS user may not. If neither copy is whole, restore a backup. Step by
    step: docs/runbooks/stream-lost.md and store-lost.md; `doorstep verify` afterwards says whether all is well.
    """
    from ops.healing.stores import heal_store, readable
    from ops.healing.streams import heal_stream

    if stream == store:
        raise CannotDo(
            "say which copy is lost: --stream (the store makes it again) or --store (the stream does)"
        )
    system = find(data, port_base)
    if store:
        said = carry_out(heal_store(system, service.value, force=force))
        told = readable(said)
    else:
        said = carry_out(heal_stream(system, service.value))
        told = f"{service.value}: {said['published']:,} events published again, the stream has all of them"
    tell(said, lambda _: told, as_json)
