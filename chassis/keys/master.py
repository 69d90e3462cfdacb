"""The master key: wraps every other key at rest, and gives names to people without naming them.

It comes from `DOORSTEP_MASTER_KEY` (64 hexadecimal digits) or the file that `DOORSTEP_MASTER_KEY_FILE` names; where
neither is set, the embedded set-up draws one at its first start and keeps it beside the keys, for its owner only. It
can be changed (`doorstep rotate-master-key`); the secret that names are derived with stays that of the first one.
"""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64encode
from hashlib import blake2b
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.keys.sealing import KEY_BYTES, NONCE_BYTES
from chassis.settings import SettingsWrong
from chassis.whole_file import draw_once

VARIABLE = "DOORSTEP_MASTER_KEY"
FILE_VARIABLE = "DOORSTEP_MASTER_KEY_FILE"
FILE = "master.key"
"""Where the embedded set-up keeps it, beside the keys."""
NAME_BYTES = 15
"""Of a name, 20 characters of base64url: too many to meet by chance, few enough to stand beside every value."""


class Naming:
    """Derives names from what identifies somebody or something: without its secret they tell nothing."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def name(self, kind: str, identity: str) -> str:
        """A name for somebody or something: 20 characters of base64url, always the same."""
        digest = blake2b(f"{kind}\0{identity}".encode(), key=self.secret, digest_size=NAME_BYTES).digest()
        return urlsafe_b64encode(digest).decode()


class MasterKey:
    """Wraps keys. `naming` derives names in a store whose first master key this is."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(blake2b(key=secret, person=b"wrap", digest_size=KEY_BYTES).digest())
        self.naming = Naming(blake2b(key=secret, person=b"name", digest_size=KEY_BYTES).digest())
        self.fingerprint = self.naming.name("master", "")
        """Tells it from others, and nothing about it."""

    def wrap(self, key_id: str, secret: bytes) -> bytes:
        """A key as it lies in the store; bound to its id."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, key_id.encode())

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The key. Raises `cryptography.exceptions.InvalidTag` for another master key, or another id."""
        return self._aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_id.encode())


def master_key(folder: Path) -> MasterKey:
    """The configured master key, else the one kept in `folder`, drawn there if it is the first time.

    Raises `SettingsWrong` for a value that is no key.
    """
    if said := os.environ.get(VARIABLE):
        return MasterKey(_bytes(said, VARIABLE))
    if named := os.environ.get(FILE_VARIABLE):
        return master_key_in(Path(named))
    path = folder / FILE
    if not path.exists():
        draw(path)
    return master_key_in(path)


def master_key_in(path: Path) -> MasterKey:
    """The master key in a file. Raises `SettingsWrong` where there is none."""
    try:
        return MasterKey(_bytes(path.read_text(), str(path)))
    except OSError as fault:
        raise SettingsWrong(f"{path} cannot be read: {fault.strerror}") from None


def configured_by() -> str:
    """The variable that says the master key; empty where the embedded set-up keeps its own."""
    return next((name for name in (VARIABLE, FILE_VARIABLE) if os.environ.get(name)), "")


def draw(path: Path) -> None:
    """Keep a new one there, unless there is one: five processes may start at once, and one draws for all."""
    keep(path, secrets.token_hex(KEY_BYTES) + "\n")


def keep(path: Path, text: str) -> None:
    """Write a master key for its owner only, on disk when this returns; whoever links first wins, one that is there
    stays.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draw_once(path, text.encode())


def _bytes(text: str, where: str) -> bytes:
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise SettingsWrong(f"{where} is no master key: it has to be {2 * KEY_BYTES} hexadecimal digits")
    return secret
