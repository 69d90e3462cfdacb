"""`doorstep heal`: one copy of a service's history made again from the other."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import CannotDo, carry_out, tell
from ops.options import DataOption, JsonOption, PortOption, ServiceName
from ops.system import find


def heal(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    stream: Annotated[bool, typer.Option("--stream", help="Publish again what the stream lacks.")] = False,
    store: Annotated[bool, typer.Option("--store", help="Rebuild a lost store from its stream.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --store: replace the store that is there.")
    ] = False,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a lost stream again from the store, or a lost store from the stream, while the service is stopped.

    A running service mends its stream by itself.
    """
    from ops.heal import heal_stream
    from ops.heal_store import heal_store, readable

    if stream == store:
        raise CannotDo("say which copy to rebuild: --stream or --store")
    system = find(data, port_base)
    if store:
        said = carry_out(heal_store(system, service.value, force=force))
        told = readable(said)
    else:
        said = carry_out(heal_stream(system, service.value))
        told = f"{service.value}: {said['published']:,} events published again, the stream has all of them"
    tell(said, lambda _: told, as_json)
