"""Mails that were sent, outside of the stores: sealed in a backup, blanked where their customer is forgotten."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from chassis.clock import rfc3339, wall_clock
from chassis.keys.away import KeysAway
from chassis.keys.personal_data import personal
from chassis.keys.store import Wanted
from contracts.mail_address import one_address
from ops.console import CannotDo
from ops.personal.keys import keys_of
from ops.system import System

MARK = b"doorstep-sealed: "
BLANK = b"Message-ID: <%s>\nSubject: (erased)\n\nThe customer was forgotten.\n"
PARTS = ("tmp", "new", "cur")

type Change = Callable[[str, bytes], bytes]


def recipient_of(mail: bytes) -> str:
    """The address a mail went to, as its customer is known by; empty where it names none."""
    to = BytesHeaderParser(policy=policy.default).parsebytes(mail)["To"]
    return one_address(str(to.addresses[0].addr_spec)) if to and to.addresses else ""


def sealing(system: System) -> Change:
    """Seals each mail with its customer's key, so that who is forgotten later is gone from the copy as well."""
    store, seals = keys_of(system), personal().seal

    def seal(name: str, mail: bytes) -> bytes:
        to = recipient_of(mail)
        if not seals or not to:
            return mail
        wanted = [Wanted(owner=to, entity=f"mail/{name.partition(':')[0]}")]
        try:
            (key,) = store.issue(wanted, rfc3339(wall_clock()))
        except KeysAway as away:
            raise CannotDo(str(away)) from away
        return MARK + key.id.encode() + b"\n" + key.seal_bytes(mail) if key else blank(name)

    return seal


def opening(system: System) -> Change:
    """The mails of a copy, readable again; blank where the key was destroyed, sealed still where the keys are away."""
    store = keys_of(system)

    def open_one(name: str, kept: bytes) -> bytes:
        if not kept.startswith(MARK):
            return kept
        head, _, sealed = kept.partition(b"\n")
        key_id = head.removeprefix(MARK).decode()
        try:
            key = store.fetch([key_id], "restore", rfc3339(wall_clock())).get(key_id)
        except KeysAway:
            return kept
        return key.open_bytes(sealed) if key else blank(name)

    return open_one


def open_mails(system: System) -> int:
    """Open what a restore had to leave sealed, as the keys came after it; returns how many mails."""
    opens, opened = opening(system), 0
    for file in (file for part in PARTS for file in (system.data / "mail" / part).glob("*")):
        kept = file.read_bytes()
        content = opens(file.name, kept)
        if content != kept:
            _replace(file, content)
            opened += 1
    return opened


def blank(name: str) -> bytes:
    """What is left of a mail: that it was there."""
    return BLANK % name.partition(":")[0].encode()


def mails_in(maildir: Path) -> list[Path]:
    """Every mail, also in the folders that a mail reader has moved some into (`.Archive/cur`)."""
    return sorted(file for file in maildir.rglob("*") if file.parent.name in PARTS and file.is_file())


def blank_mails(maildir: Path, names: Iterable[str], address: str) -> int:
    """Blank a customer's mails, by their names and by whom they went to; returns how many."""
    known, blanked = set(names), 0
    for file in mails_in(maildir):
        content = file.read_bytes()
        left = blank(file.name)
        is_theirs = file.name.partition(":")[0] in known or (address and recipient_of(content) == address)
        if is_theirs and content != left:
            _replace(file, left)
            blanked += 1
    return blanked


def _replace(file: Path, content: bytes) -> None:
    number, arriving = tempfile.mkstemp(dir=file.parent.parent)
    with os.fdopen(number, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    Path(arriving).replace(file)
