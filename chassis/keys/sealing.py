"""Sealed values: what only the holder of a key can read, and nobody once it is destroyed. Pure: no store, no clock.

A sealed text is `sealed.v1.<key id>.<base64url of nonce + ciphertext>` (AES-256-GCM, NIST SP 800-38D). The nonce is
derived from the key and the text (keyed BLAKE2b, RFC 7693, as in a synthetic IV): the same text under the same key is
the same sealed text, so that a retry changes no byte and equal values stay equal, and no two texts share a nonce.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "sealed.v1."
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class NotSealed(ValueError):
    """What should be opened is no sealed value, was sealed with another key, or was changed."""


def key_id_of(text: str) -> str:
    """The id of the key a text is sealed with; empty for a text that is not sealed."""
    if not text.startswith(PREFIX):
        return ""
    key_id, dot, sealed = text[len(PREFIX) :].partition(".")
    return key_id if dot and sealed else ""


class Key:
    """One key, ready to use. Its id is public and stands beside whatever it seals."""

    __slots__ = ("_aead", "_nonces", "_start", "id")

    def __init__(self, key_id: str, secret: bytes) -> None:
        assert len(secret) == KEY_BYTES
        self.id = key_id
        both = blake2b(key=secret, person=b"sealing", digest_size=2 * KEY_BYTES).digest()
        self._aead = AESGCM(both[:KEY_BYTES])
        self._nonces = both[KEY_BYTES:]
        self._start = f"{PREFIX}{key_id}."

    def seal(self, text: str) -> str:
        """The sealed form of a text, always the same."""
        return self._start + urlsafe_b64encode(self.seal_bytes(text.encode())).decode()

    def open(self, sealed: str) -> str:
        """The text. Raises `NotSealed`."""
        if not sealed.startswith(self._start):
            raise NotSealed(f"not sealed with key {self.id}")
        try:
            return self.open_bytes(urlsafe_b64decode(sealed[len(self._start) :])).decode()
        except binascii.Error as wrong:
            raise NotSealed(f"sealed with key {self.id}, but no base64") from wrong

    def seal_bytes(self, data: bytes) -> bytes:
        """Nonce and ciphertext; the key's id is authenticated with them."""
        nonce = blake2b(data, key=self._nonces, digest_size=NONCE_BYTES).digest()
        return nonce + self._aead.encrypt(nonce, data, self.id.encode())

    def open_bytes(self, sealed: bytes) -> bytes:
        """The bytes. Raises `NotSealed`."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise NotSealed("shorter than a nonce and a tag")
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self.id.encode())
        except InvalidTag as wrong:
            raise NotSealed(f"not sealed with key {self.id}, or changed since") from wrong
