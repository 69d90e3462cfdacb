"""`doorstep erase`, `export`, `backup-keys`, `restore-keys`, `rotate-master-key` and `forget-bodies`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.console import CannotDo, carry_out, fail, say, say_json, tell
from ops.options import ActorOption, DataOption, JsonOption, NewFolder, PortOption, ReasonOption, StoreOption
from ops.system import find

CustomerArgument = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="Their e-mail address, or an order: <channel>:<channel order id>."
    ),
]


def register(app: typer.Typer) -> None:
    """Add them to `doorstep`."""
    for name, command in (
        ("erase", erase),
        ("export", export),
        ("backup-keys", backup_keys),
        ("restore-keys", restore_keys),
        ("rotate-master-key", rotate_master_key),
        ("forget-bodies", forget_bodies),
    ):
        app.command(name)(command)


def erase(
    customer: CustomerArgument,
    actor: ActorOption,
    reason: ReasonOption,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a customer's data unreadable for ever. In every store, stream and backup. Cannot be undone."""
    from ops.personal.erasing import erase as carried_out

    erased = carry_out(carried_out(find(data, port_base), customer, actor, reason))
    if as_json:
        say_json(erased.as_json())
    else:
        say(f"forgotten: {len(erased.orders)} orders, {erased.bodies} messages, {erased.mails} mails blanked")
    if erased.plain:
        places = ", ".join(f"CHANNELS/{seq}" for seq in erased.plain[:5])
        fail(
            f"{len(erased.plain)} messages were published unsealed, past doorstep, and stay readable: {places}"
        )


def export(
    customer: CustomerArgument,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell everything that is known of a customer. Readable, as JSON: indented, or with --json in one line."""
    from ops.personal.exporting import export_customer

    tell(carry_out(export_customer(find(data, port_base), customer)), _indented, as_json)


def backup_keys(
    folder: NewFolder,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the keys, which no other backup has. Keep it apart from those, and not longer than you have to."""
    from ops.personal.key_copies import back_up_keys

    tell(carry_out(back_up_keys(find(data), folder)), _lines, as_json)


def restore_keys(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `backup-keys` made.")],
    store: StoreOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the keys back, before the stores. Only while the system is stopped. Who was forgotten stays forgotten.

    After the stores does as well: who was forgotten, and the mails, wait for whichever comes second.
    """
    from ops.personal.key_copies import restore_keys as put_back

    tell(carry_out(put_back(find(data), folder, store)), _lines, as_json)


def rotate_master_key(
    actor: ActorOption,
    reason: ReasonOption,
    new_key_file: Annotated[
        Path | None,
        typer.Option(help="Has the new master key.  [default: drawn, where the system keeps its own]"),
    ] = None,
    old_key_file: Annotated[
        Path | None, typer.Option(help="Has the old master key.  [default: the configured one]")
    ] = None,
    data: DataOption = None,
    port_base: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wrap all keys by another master key. The old one opens nothing any more. Only while the system is stopped."""
    from ops.personal.rotating import rotate_master_key as carried_out

    system = find(data, port_base)
    rotated = carry_out(carried_out(system, actor, reason, old_key_file, new_key_file))
    tell(rotated.as_json(), _lines, as_json)


def forget_bodies(
    days: Annotated[int, typer.Option("--older-than-days", min=0, help="Stored more than so many days ago.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the channels' own old bodies unreadable. Their digests and what was made of them stay."""
    from chassis.keys.away import KeysAway
    from chassis.keys.personal_data import forget_bodies_when_told
    from ops.personal.keys import keys_of

    def forgotten() -> dict[str, Any]:
        try:
            return {"bodies": forget_bodies_when_told(keys_of(find(data)), days)}
        except KeysAway as away:
            raise CannotDo(str(away)) from away

    tell(_done(forgotten), _lines, as_json)


def _done[T](work: Any) -> Any:
    try:
        return work()
    except CannotDo as reason:
        fail(str(reason))


def _indented(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, indent=2, default=str)


def _lines(said: dict[str, Any]) -> str:
    return "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in said.items())
