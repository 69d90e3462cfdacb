"""Sealed texts: what the holder of the key can read, always the same bytes, and nobody else."""

from __future__ import annotations

import pytest

from chassis.keys.sealing import PREFIX, Key, NotSealed, key_id_of

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
TEXTS = ("a", "Ada Lindgren", "Lindenstraße 9, 3. Stock", "日本語", "x" * 2_000, "sealed.v1.k1.AAAA")


@pytest.mark.parametrize("text", TEXTS)
def test_what_was_sealed_is_opened_with_the_same_key(text: str) -> None:
    """Also a text that looks sealed itself: it is opened once, not twice."""
    sealed = Key("k1", SECRET).seal(text)
    assert key_id_of(sealed) == "k1"
    assert text not in sealed or text == "a"
    assert Key("k1", SECRET).open(sealed) == text


def test_the_same_text_is_sealed_the_same_and_two_texts_never_share_a_nonce() -> None:
    """A retry changes no byte; and no key is used twice with one nonce for two texts."""
    key = Key("k1", SECRET)
    assert key.seal("Ada") == Key("k1", SECRET).seal("Ada")
    nonces = {key.seal_bytes(f"text {n}".encode())[:12] for n in range(1_000)}
    assert len(nonces) == 1_000


@pytest.mark.parametrize("key", [Key("k1", OTHER), Key("k2", SECRET)])
def test_another_key_or_another_id_opens_nothing(key: Key) -> None:
    """The id is authenticated: a sealed text cannot be passed off under another customer's key."""
    sealed = Key("k1", SECRET).seal("Ada").replace("k1", key.id)
    with pytest.raises(NotSealed):
        key.open(sealed)


@pytest.mark.parametrize("text", ["Ada", "", PREFIX, f"{PREFIX}k1", f"{PREFIX}k1."])
def test_a_plain_text_names_no_key(text: str) -> None:
    """What was stored before anything was sealed is read as it is."""
    assert key_id_of(text) == ""


@pytest.mark.parametrize("end", ["", "A", "AAAA", "!!!!", "A" * 40])
def test_a_changed_text_is_refused(end: str) -> None:
    """Nothing half readable comes out of it."""
    with pytest.raises(NotSealed):
        Key("k1", SECRET).open(f"{PREFIX}k1.{end}")
