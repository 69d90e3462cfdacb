"""Bearer tokens of an identity provider (OpenID Connect): signed JWTs, believed only as far as their signature goes.

The provider's public keys come as a JWKS (RFC 7517) from a file or a URL. They are read again when a token names a
key that is not known, so that a rotation needs no restart; never more often than every `LOOK_AGAIN_SECONDS`, so that
made-up key names make no traffic.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import jwt
from yarl import URL

from chassis.access_settings import Provider
from chassis.outbound import NoAnswer, Outbound
from chassis.settings import SettingsWrong
from contracts.actors import NAME_RULE, is_name

ALGORITHMS = ("RS256", "ES256")
"""No other is believed, whatever a token says of itself: neither `none` nor one with a shared secret."""
REQUIRED = ("exp", "iss", "aud", "sub")
LEEWAY_SECONDS = 30
LOOK_AGAIN_SECONDS = 30.0
TOKEN_CHARACTERS_MAX = 8_192
RSA_BITS_MIN = 2048

type Load = Callable[[], Awaitable[bytes]]


class NotBelieved(Exception):
    """A token proves nothing; the text says why, and holds nothing of the token."""


class KeysAway(Exception):
    """The provider's keys cannot be had: nobody can be told by a token right now."""


class Tokens:
    """Reads tokens of one provider."""

    def __init__(self, provider: Provider, load: Load | None = None) -> None:
        self._provider = provider
        self._load = load or loader(provider.jwks)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._next_look = 0.0
        self._looking = asyncio.Lock()

    async def read(self, token: str) -> tuple[str, list[Any]]:
        """The name and the groups that a token proves. Raises `NotBelieved`, or `KeysAway`."""
        key = await self._key(_header(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED)},
            )
        except jwt.PyJWTError as wrong:
            raise NotBelieved(f"the token is not valid: {type(wrong).__name__}") from None
        name, groups = (
            _claim(claims, path) for path in (self._provider.name_claim, self._provider.roles_claim)
        )
        if not isinstance(name, str) or not is_name(name):
            raise NotBelieved(f"the token's {self._provider.name_claim} is no name of ours: {NAME_RULE}")
        return name, groups if isinstance(groups, list) else []

    async def _key(self, header: dict[str, Any]) -> jwt.PyJWK:
        named = str(header.get("kid", ""))
        if named not in self._keys:
            async with self._looking:
                await self._look_again(named)
        key = self._keys.get(named)
        if key is None:
            raise NotBelieved("the token is signed with a key that its issuer does not publish")
        if header.get("alg") != key.algorithm_name:
            raise NotBelieved("the token is not signed the way its key is for")
        return key

    async def _look_again(self, named: str) -> None:
        if named in self._keys or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_AGAIN_SECONDS
        try:
            self._keys = keys_in(await self._load())
        except (NoAnswer, OSError, ValueError) as fault:
            if not self._keys:
                raise KeysAway(f"the issuer's keys cannot be read: {fault}") from fault


def keys_in(document: bytes) -> dict[str, jwt.PyJWK]:
    """The usable keys of a JWKS by their names; those of other kinds are passed over. Raises `ValueError`."""
    try:
        said = json.loads(document)
    except RecursionError:
        raise ValueError("no JWKS: it is nested too deeply") from None
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no JWKS: it has no list of keys")
    return {str(each.get("kid", "")): key for each in listed if (key := _usable(each)) is not None}


def _usable(each: Any) -> jwt.PyJWK | None:
    if not isinstance(each, dict) or each.get("kty") not in ("RSA", "EC") or each.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(each)
    except jwt.PyJWTError:
        return None
    if key.algorithm_name not in ALGORITHMS or getattr(key.key, "key_size", 0) < _bits_min(each["kty"]):
        return None
    return key


def _bits_min(kind: str) -> int:
    return RSA_BITS_MIN if kind == "RSA" else 256


def _header(token: str) -> dict[str, Any]:
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise NotBelieved("the token is too long")
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise NotBelieved("that is no token") from None


def _claim(claims: dict[str, Any], path: str) -> Any:
    found: Any = claims
    for name in path.split("."):
        found = cast(dict[str, Any], found).get(name) if isinstance(found, dict) else None
    return found


def loader(place: str) -> Load:
    """How to read the JWKS at a file or a URL. Raises `SettingsWrong` for a URL that anyone could answer."""
    if "://" not in place:
        return lambda: asyncio.to_thread(Path(place).read_bytes)
    url = URL(place)
    if url.scheme != "https" and url.host not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsWrong(f"access.tokens.jwks: {place} is neither https nor on this machine")
    return lambda: _fetch(url)


async def _fetch(url: URL) -> bytes:
    outbound = Outbound(str(url.origin()), connect_seconds=2.0, total_seconds=5.0)
    await outbound.open()
    try:
        status, body = await outbound.ask("GET", url.path.lstrip("/"), params=url.query)
    finally:
        await outbound.close()
    if status != 200:
        raise NoAnswer(f"{url.host} answered {status}")
    return body
