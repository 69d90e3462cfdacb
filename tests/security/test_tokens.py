"""Bearer tokens: believed when their issuer signed them for us and they are in time, and in no other case."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import jwt
import pytest

from chassis import tokens
from chassis.access_settings import Provider
from chassis.settings import SettingsWrong
from chassis.tokens import KeysAway, NotBelieved, Tokens, loader
from tests.security.issuer import AUDIENCE, ISSUER, Issuer


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    made = Issuer()
    made.add("rsa-1")
    made.add("ec-1", "ES256")
    return made


@pytest.fixture
def reader(issuer: Issuer, tmp_path: Path) -> Tokens:
    """Reads tokens by the issuer's keys in a file."""
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(issuer.jwks()))
    return Tokens(Provider(jwks=str(file), issuer=ISSUER, audience=AUDIENCE))


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
async def test_a_token_says_who_and_in_which_groups(issuer: Issuer, reader: Tokens, kid: str) -> None:
    """With either kind of key, and for one audience among several."""
    token = issuer.token(kid, aud=["other", AUDIENCE], roles=["finance", 7])
    assert await reader.read(token) == ("mira", ["finance", 7])


def _unsigned(issuer: Issuer) -> str:
    head, claims, _ = issuer.token("rsa-1").split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"rsa-1"}').rstrip(b"=").decode()
    assert head != none
    return f"{none}.{claims}."


def _with_public_key_as_secret(issuer: Issuer) -> str:
    """The classic: HS256 with the published key's bytes as the shared secret."""
    secret = issuer.jwks()["keys"][0]["n"]
    return issuer.token("rsa-1", key=secret, algorithm="HS256")


def _changed(issuer: Issuer) -> str:
    head, _, signature = issuer.token("rsa-1").split(".")
    claims = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": int(time.time()) + 99})
    return f"{head}.{base64.urlsafe_b64encode(claims.encode()).rstrip(b'=').decode()}.{signature}"


def _of_a_stranger(issuer: Issuer) -> str:
    stranger = Issuer()
    stranger.add("rsa-1")
    return stranger.token("rsa-1")


NOW = int(time.time())
FORGERIES = {
    "unsigned": _unsigned,
    "shared secret": _with_public_key_as_secret,
    "changed claims": _changed,
    "a stranger's key": _of_a_stranger,
    "another key's name": lambda i: i.token("ec-1", key=i.keys["rsa-1"]),
    "unknown key": lambda i: i.token("nobody", key=i.keys["rsa-1"]),
    "expired": lambda i: i.token("rsa-1", exp=NOW - 3600),
    "no expiry": lambda i: i.token("rsa-1", exp=None),
    "not yet": lambda i: i.token("rsa-1", nbf=NOW + 3600),
    "other issuer": lambda i: i.token("rsa-1", iss="https://evil.example"),
    "no issuer": lambda i: i.token("rsa-1", iss=None),
    "other audience": lambda i: i.token("rsa-1", aud="another-app"),
    "no audience": lambda i: i.token("rsa-1", aud=None),
    "nobody": lambda i: i.token("rsa-1", sub=None),
    "blank name": lambda i: i.token("rsa-1", sub=" "),
    "cut off": lambda i: i.token("rsa-1")[:-8],
    "no token": lambda _: "not.a.token",
    "empty": lambda _: "",
    "endless": lambda i: i.token("rsa-1", more="x" * 9000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forgery_is_not_believed(issuer: Issuer, reader: Tokens, forgery: str) -> None:
    with pytest.raises(NotBelieved):
        await reader.read(FORGERIES[forgery](issuer))


async def test_a_new_key_is_looked_up_and_a_made_up_one_only_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rotation needs no restart, and a flood of made-up key names makes no traffic."""
    issuer = Issuer()
    issuer.add("first", "ES256")
    async with issuer.published() as url:
        reader = Tokens(Provider(jwks=url, issuer=ISSUER, audience=AUDIENCE))
        assert (await reader.read(issuer.token("first")))[0] == "mira"
        old = issuer.token("first")
        issuer.add("second", "ES256")
        for name in range(20):
            with pytest.raises(NotBelieved):
                await reader.read(issuer.token(f"made-up-{name}", key=issuer.keys["second"]))
        assert issuer.asked == 1
        monkeypatch.setattr(tokens, "LOOK_AGAIN_SECONDS", 0.0)
        reader = Tokens(Provider(jwks=url, issuer=ISSUER, audience=AUDIENCE))
        for key in (old, issuer.token("second")):
            assert (await reader.read(key))[0] == "mira"
        del issuer.keys["first"]
        issuer.add("third", "ES256")
        assert (await reader.read(issuer.token("third")))[0] == "mira"
        with pytest.raises(NotBelieved):
            await reader.read(old)


async def test_without_keys_nobody_is_told_by_a_token(issuer: Issuer) -> None:
    """That is said apart: the token may be good."""
    reader = Tokens(Provider(jwks="http://127.0.0.1:9/keys", issuer=ISSUER, audience=AUDIENCE))
    with pytest.raises(KeysAway):
        await reader.read(issuer.token("rsa-1"))


NO_KEYS = (
    b"[" * 100_000,
    b'{"keys": ' + b"[" * 100_000,
    b'{"keys": {}}',
    b"[]",
    b"null",
    b"\xff\xfe",
    b"<html>we are busy</html>",
    b"",
)


@pytest.mark.parametrize("document", NO_KEYS, ids=range(len(NO_KEYS)))
async def test_a_provider_that_publishes_nonsense_is_away(issuer: Issuer, document: bytes) -> None:
    """A fault of the provider's, and said as one; the keys that were known before go on to count."""

    async def nonsense() -> bytes:
        return document

    reader = Tokens(Provider(jwks="keys", issuer=ISSUER, audience=AUDIENCE), nonsense)
    with pytest.raises(KeysAway):
        await reader.read(issuer.token("rsa-1"))


async def test_a_key_that_is_none_is_passed_over(issuer: Issuer) -> None:
    """The good ones beside it count."""
    odd = [17, None, "rsa", [], {}, {"kty": "RSA"}, {"kty": "RSA", "n": 5, "e": []}, {"kty": ["EC"]}]

    async def mixed() -> bytes:
        return json.dumps({"keys": odd + issuer.jwks()["keys"]}).encode()

    reader = Tokens(Provider(jwks="keys", issuer=ISSUER, audience=AUDIENCE), mixed)
    assert (await reader.read(issuer.token("rsa-1")))[0] == "mira"


async def test_a_short_rsa_key_counts_for_nothing(tmp_path: Path) -> None:
    """1,024 bits can be factored."""
    weak = Issuer()
    weak.add("weak", bits=1024)
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(weak.jwks()))
    reader = Tokens(Provider(jwks=str(file), issuer=ISSUER, audience=AUDIENCE))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = weak.token("weak")
    with pytest.raises(NotBelieved):
        await reader.read(token)


def test_keys_come_over_tls_or_from_this_machine() -> None:
    with pytest.raises(SettingsWrong, match="https"):
        loader("http://login.example/keys")
