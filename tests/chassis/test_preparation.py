"""Whether keys can be had is asked of the key store itself, and a silent one makes nobody wait."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from chassis import preparation
from chassis.keys.away import KeysAway
from chassis.preparation import Preparation


@dataclass
class Keys:
    """A key store that answers when it may, and says how often it was asked."""

    asked: int = 0
    away: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)

    def prove(self) -> None:
        self.asked += 1
        self.may_answer.wait(10)
        if self.away:
            raise KeysAway(self.away)


@pytest.fixture
def keys() -> Iterator[Keys]:
    keys = Keys()
    yield keys
    keys.may_answer.set()


async def test_a_service_without_keys_of_its_own_is_asked_nothing() -> None:
    """Most have none."""
    assert await Preparation(None).check() == {"ok": True}


async def test_a_silent_key_store_is_asked_once_and_not_waited_for(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks after our health is in a hurry, and threads are few. When it answers, all is well."""
    monkeypatch.setattr(preparation, "PROVED_WITHIN_SECONDS", 0.05)
    prepared = Preparation(None, keys.prove)
    for _ in range(3):
        assert await prepared.check() == {"ok": False, "detail": "the key store does not answer"}
    assert keys.asked == 1
    keys.may_answer.set()
    monkeypatch.setattr(preparation, "PROVED_WITHIN_SECONDS", 5.0)
    assert await prepared.check() == {"ok": True}


async def test_why_keys_are_away_is_said_at_once_and_logged_once(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    """A probe every few seconds must not fill a disk with the same line."""
    caplog.set_level(logging.ERROR)
    keys.away = "the file is gone"
    keys.may_answer.set()
    prepared = Preparation(None, keys.prove)
    for _ in range(3):
        assert await prepared.check() == {"ok": False, "detail": "the file is gone"}
    assert caplog.text.count("keys_away") == 1
    keys.away = ""
    assert await asyncio.wait_for(prepared.check(), 5) == {"ok": True}
    keys.away = "the file is gone"
    await prepared.check()
    assert caplog.text.count("keys_away") == 2
