"""Small files are there whole or not at all: a process that is killed while it writes leaves what was, or nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from chassis.whole_file import draw_once, write_whole

SPAWN = multiprocessing.get_context("fork")


def killed_at(call: str, do: Callable[[], object]) -> None:
    """Do it in a process of its own, which dies at its first call of this function of `os`."""

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        setattr(os, call, die)
        do()

    process = SPAWN.Process(target=run)
    process.start()
    process.join(10)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("call", ["fdopen", "fsync"])
def test_a_process_that_dies_while_it_writes_leaves_nothing(tmp_path: Path, call: str) -> None:
    """Or what was there before."""
    path = tmp_path / "mark"
    killed_at(call, lambda: write_whole(path, b"new"))
    assert not path.exists()
    write_whole(path, b"old")
    killed_at(call, lambda: write_whole(path, b"new"))
    assert path.read_bytes() == b"old"
    killed_at(call, lambda: draw_once(tmp_path / "secret", b"drawn"))
    assert not (tmp_path / "secret").exists()


def test_of_those_who_draw_the_first_one_counts(tmp_path: Path) -> None:
    """All others get what it drew, and nothing of theirs is left."""
    path = tmp_path / "secret"
    assert draw_once(path, b"first") == b"first"
    assert draw_once(path, b"second") == b"first" == path.read_bytes()
    assert [found.name for found in tmp_path.iterdir()] == ["secret"]


def test_they_are_for_their_owner_alone(tmp_path: Path) -> None:
    """As the folder is that they are in."""
    draw_once(tmp_path / "secret", b"drawn")
    write_whole(tmp_path / "mark", b"said")
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600, 0o600]
