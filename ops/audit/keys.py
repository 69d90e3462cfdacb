"""The key that signs checkpoints: drawn on first use, readable by its owner only, its public half beside it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from chassis.whole_file import draw_once, write_whole
from ops.audit.reader import KEY_FILE
from ops.console import CannotDo
from ops.system import System

PRIVATE_KEY_FILE = "audit.key"


def public_key_path(system: System) -> Path:
    """Where the public key lies, in PEM."""
    return system.data / "secrets" / KEY_FILE


def signing_key(system: System, *, may_draw: bool) -> Ed25519PrivateKey:
    """The system's key; drawn if there is none and one may be. Raises `CannotDo` for a lost or unreadable one."""
    path = system.folder("secrets") / PRIVATE_KEY_FILE
    if not path.exists():
        if not may_draw:
            raise CannotDo(
                f"{path} is gone, and earlier checkpoints are signed with it: bring it back from a backup, "
                "or move the folder `audit` away and begin a new series"
            )
        _draw(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as fault:
        raise CannotDo(f"{path} is not a private key: {fault}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotDo(f"{path} is not an Ed25519 key")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_whole(public_key_path(system), public)
    return key


def _draw(path: Path) -> None:
    drawn = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draw_once(path, drawn)
