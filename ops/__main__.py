"""The `doorstep` command, also `python -m ops`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from ops.audit.commands import register as register_audit
from ops.console import CannotDo, fail
from ops.importing.command import register as register_import
from ops.personal.commands import register as register_personal
from ops.publishing.command import register as register_publish
from ops.system_commands import register as register_system

NOT_FOR_OTHERS = 0o077
SHIPPED = Path(__file__).resolve().parents[1] / "doorstep.toml"
"""The configuration that comes with the source, for when a command is run from another folder."""


class OneLine(TyperGroup):
    """Whatever a command cannot do, wherever it finds out, is one line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named. What it writes is for the account that runs it: orders, mails, copies."""
        before = os.umask(NOT_FOR_OTHERS)
        try:
            return self._in_one_line(ctx)
        finally:
            os.umask(before)

    def _in_one_line(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CannotDo as reason:
            fail(str(reason))
        except (typer.Exit, typer.Abort):
            raise
        except Exception as fault:
            if not (line := _in_a_line(fault)):
                raise
            fail(line)


def _in_a_line(fault: Exception) -> str:
    """What to say of a fault that a person can mend: a wrong setting, a store, a file or a folder that cannot be used.

    Asked when something has failed already: who types `--help` need not wait for what is imported here.
    """
    from chassis.bus import AWAY
    from chassis.event_store import UNREADABLE
    from chassis.settings import SettingsWrong

    if isinstance(fault, (SettingsWrong, *UNREADABLE)):
        return str(fault)
    if isinstance(fault, OSError) and fault.filename:
        return f"{fault.filename} cannot be used ({fault.strerror}): see whose it is, or choose another with --data DIR"
    if isinstance(fault, OSError) and fault.errno and not isinstance(fault, ConnectionError):
        return f"a file or a disk cannot be used ({fault.strerror}): make room, or choose another folder"
    if isinstance(fault, AWAY):
        reason = str(fault) or type(fault).__name__
        return f"no answer, or not the one that was needed ({reason}): see what `doorstep doctor` says, and try again"
    return ""


main = typer.Typer(
    name="doorstep",
    cls=OneLine,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@main.callback()
def prepare() -> None:
    """The back office of an online shop: run it, feed it, ask it why."""
    if "DOORSTEP_CONFIG" not in os.environ and not Path("doorstep.toml").exists() and SHIPPED.exists():
        os.environ["DOORSTEP_CONFIG"] = str(SHIPPED)


for register in (
    register_system,
    register_publish,
    register_import,
    register_audit,
    register_personal,
):
    register(main)

if __name__ == "__main__":
    main(prog_name="doorstep")
