"""nkeys: how a NATS user proves who it is without telling the server a secret. The server knows the public half only.

Ed25519 keys in the text form of NATS: base32 of a prefix, the key and a checksum (`SU…` a user's seed, `U…` its public
key; https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth). The checksum is
CRC-16/XMODEM, which Python's `binascii` has.

nats-py asks a module called `nkeys` for this when it connects. The package of that name needs a second library of
cryptography, and comes as source only, which an image without build tools cannot take: `stand_in` puts this one there.
"""

from __future__ import annotations

import base64
import binascii
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED, USER = 18 << 3, 20 << 3
"""The prefixes of a seed and of a user; in a seed the user's follows in the bits that are left."""
PREFIX_OF_SEED = bytes([SEED | USER >> 5, (USER & 31) << 3])
CHECKSUM_BYTES = 2


class NotASeed(ValueError):
    """A text that is no user's seed; it is not repeated in the message."""


class KeyPair:
    """A user's key, as nats-py uses it."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """What the server knows the user by: `U…`."""
        return _text(bytes([USER]) + self._key.public_key().public_bytes_raw())

    def sign(self, nonce: bytes) -> bytes:
        """The raw signature of what the server asked to be signed."""
        return self._key.sign(nonce)

    def wipe(self) -> None:
        """Nothing is kept to be wiped: the pair lives for one signature."""


def draw() -> str:
    """A new user's seed: the secret half."""
    return _text(PREFIX_OF_SEED + Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def public_of(seed: str) -> str:
    """The public half of a user's seed. Raises `NotASeed`."""
    return from_seed(seed.encode()).public_key.decode()


def from_seed(seed: bytes | bytearray) -> KeyPair:
    """The key pair of a user's seed. Raises `NotASeed`."""
    try:
        raw = base64.b32decode(bytes(seed) + b"=" * (-len(seed) % 8))
    except binascii.Error:
        raw = b""
    body, checksum = raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]
    if not body.startswith(PREFIX_OF_SEED) or checksum != _checksum(body):
        raise NotASeed("this is no seed of a NATS user: it begins with SU, and must be whole")
    return KeyPair(Ed25519PrivateKey.from_private_bytes(body[len(PREFIX_OF_SEED) :]))


def stand_in() -> None:
    """From now on nats-py finds this module where it looks for `nkeys`; the real one, if it is there, stays."""
    sys.modules.setdefault("nkeys", sys.modules[__name__])


def _text(body: bytes) -> bytes:
    return base64.b32encode(body + _checksum(body)).rstrip(b"=")


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(CHECKSUM_BYTES, "little")
