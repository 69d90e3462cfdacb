"""`doorstep rotate-master-key`: every key to personal data is wrapped anew by another master key.

The store does it in one transaction: whatever happens, its keys are wrapped by one master key or the other. Where the
embedded set-up keeps the master key itself, the new one lies beside it, as `master.key.new`, before the store begins,
and takes its place afterwards. Cut off anywhere, the same command goes on from there.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from chassis.clock import rfc3339, wall_clock
from chassis.keys.away import KeysAway
from chassis.keys.master import FILE, MasterKey, configured_by, draw, keep, master_key, master_key_in
from chassis.keys.personal_data import FOLDER
from chassis.keys.store import KeyStore
from chassis.settings import SettingsWrong
from contracts.parking import SERVICES
from ops.asking import Services
from ops.console import CannotDo, require_signed
from ops.database import database_of
from ops.personal.keys import keys_of
from ops.running.preflight import lock_folder
from ops.system import System

PENDING = f"{FILE}.new"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done: keys that were wrapped anew, the fingerprints of both master keys, and what is left to do."""

    keys: int
    old: str
    new: str
    todo: str

    def as_json(self) -> dict[str, object]:
        """The shape other programs rely on."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Change:
    """From which master key to which; `file` is the one to be replaced by `pending` when it is done, if we keep it."""

    old: MasterKey
    new: MasterKey
    file: Path | None = None

    def settle(self) -> str:
        """Put the new one in its place; returns what is left for a person to do."""
        if self.file is None:
            return (
                "give every process and every person's commands the new master key, then start the services"
            )
        os.replace(self.file.with_name(PENDING), self.file)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return f"keep a copy of {self.file}, then start the system"


async def rotate_master_key(
    system: System, actor: str, reason: str, old_file: Path | None = None, new_file: Path | None = None
) -> Rotated:
    """Wrap every key anew, while the system is stopped.

    The old master key is the configured one, unless `old_file` has it; the new one is in `new_file`, or drawn where
    the embedded set-up keeps its own. Raises `CannotDo`, and then nothing was changed.
    """
    require_signed(actor, reason)
    with lock_folder(system.data):
        await _require_stopped(system)
        try:
            change = _change(system.data / FOLDER, old_file, new_file)
            async with database_of(system):
                with closing(keys_of(system)) as store:
                    keys = _wrap_anew(store, change, actor, reason)
            return Rotated(keys, change.old.fingerprint, change.new.fingerprint, change.settle())
        except (KeysAway, SettingsWrong) as trouble:
            raise CannotDo(str(trouble)) from trouble


def _wrap_anew(store: KeyStore, change: Change, actor: str, reason: str) -> int:
    if store.wrapped_by() == change.new.fingerprint:
        return 0  # the attempt before this one came so far
    return store.rotate(change.old, change.new, actor, reason, rfc3339(wall_clock()))


def _change(folder: Path, old_file: Path | None, new_file: Path | None) -> Change:
    old = master_key_in(old_file) if old_file else master_key(folder)
    if variable := configured_by():
        if new_file is None:
            raise CannotDo(
                f"the master key comes from {variable}: draw a new one (`openssl rand -hex 32 > FILE`), and name it"
                " with --new-key-file FILE"
            )
        return _different(Change(old, master_key_in(new_file)))
    pending = folder / PENDING
    if new_file:
        named = _different(Change(old, master_key_in(new_file)))
        keep(pending, new_file.read_text())
        if master_key_in(pending).fingerprint != named.new.fingerprint:
            raise CannotDo(
                f"{pending} is of an attempt before: run this without --new-key-file to end that one"
            )
    else:
        draw(pending)
    return _different(Change(old, master_key_in(pending), folder / FILE))


def _different(change: Change) -> Change:
    if change.old.fingerprint == change.new.fingerprint:
        raise CannotDo("the new master key is the old one: draw another")
    return change


async def _require_stopped(system: System) -> None:
    """A service that runs would make no more keys and open none until it is started again with the new master key."""
    async with Services(system) as services:
        running = [name for name in SERVICES if await services.is_live(name)]
    if running:
        raise CannotDo(f"{', '.join(running)} still run: stop every service first, standbys too")
