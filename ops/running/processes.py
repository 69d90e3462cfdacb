"""Keeping processes alive: one that dies is started again, one that is told to stop may finish first.

A kept process dies with the supervisor, even if that is killed (Linux: the kernel sends SIGKILL to a child
whose parent died), so that the next start finds its ports free.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ops.console import note

PR_SET_PDEATHSIG = 1
PAUSES_SECONDS = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Before a start, by how many quick deaths in a row came before it."""
SETTLED_AFTER_SECONDS = 10.0
GIVEN_UP_AFTER = 3
"""So many times a part that was never ready may end by itself, quickly and in a row."""
LOGS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the system: what to run, with which additions to the environment, and where its output goes.

    `behind` is by how much it gives way to the others while processors are short (as in `nice`); `user` as whom it
    runs, if not as ourselves; `ends_on` the signal that asks it to end.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    behind: int = 0
    user: pwd.struct_passwd | None = None
    ends_on: signal.Signals = signal.SIGTERM


class Keeper:
    """Keeps one part running from `start` to `stop`. Quick deaths in a row cost longer and longer pauses.

    Of a part on `probation` it is not known yet whether it can start at all: each death is told with its reason,
    and one that ends by itself again and again is given up. Who sees it ready takes it off probation.
    """

    def __init__(self, part: Part, *, probation: bool = False) -> None:
        self.part = part
        self.starts = 0
        self.probation = probation
        self.given_up = False
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The running process, if there is one right now."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start it for the first time, with a fresh log; the ones before are kept beside it."""
        rotate(self.part.log)
        self._process = await self._spawn()
        self._keeping = asyncio.create_task(self._keep(self._process), name=f"keep {self.part.name}")

    async def stop(self, patience_seconds: float) -> None:
        """Ask it to end, and kill it when it has not within the given time. It is not started again."""
        self._stopping.set()
        self._signal(self.part.ends_on)
        if self._keeping is None:
            return
        done, _ = await asyncio.wait({self._keeping}, timeout=patience_seconds)
        if not done:
            note(f"{self.part.name} did not end within {patience_seconds:g} s: killed")
            self.kill()
        await self._keeping

    def kill(self) -> None:
        """End it at once, for good."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def last_words(self) -> str:
        """The last line of its log, with its name."""
        line = last_line(self.part.log) or f"no output (log: {self.part.log})"
        return line if line.startswith(f"{self.part.name}:") else f"{self.part.name}: {line}"

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        quick_deaths = 0
        while True:
            since = time.monotonic()
            code = await process.wait()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - since
            pause = pause_after(quick_deaths)
            quick_deaths = 0 if lived > SETTLED_AFTER_SECONDS else quick_deaths + 1
            if self.probation and code > 0:
                self.given_up = quick_deaths >= GIVEN_UP_AFTER
                if self.given_up:
                    return
                note(self.last_words())
            note(
                f"{self.part.name} {ending(code)} after {lived:.0f} s: {again(pause)} (log: {self.part.log})"
            )
            if await self._told_to_stop_within(pause):
                return
            process = self._process = await self._spawn()

    async def _told_to_stop_within(self, seconds: float) -> bool:
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.starts += 1
        with self.part.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.part.environment},
                process_group=0,
                **as_user(self.part.user),
                preexec_fn=begin_as(self.part, os.getpid()),
            )

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """How a process is started as another user, in that user's own group alone."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def pause_after(quick_deaths: int) -> float:
    """How long to wait before the next start, after so many quick deaths in a row before this one."""
    return PAUSES_SECONDS[min(quick_deaths, len(PAUSES_SECONDS) - 1)]


def again(pause: float) -> str:
    """In words: when it will be started again."""
    return f"started again in {pause:.1f} s" if pause else "started again"


def ending(code: int) -> str:
    """In words: how a process ended."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def begin_as(part: Part, parent: int) -> Callable[[], None] | None:
    """What a child does before it becomes its program: take its rank and bind its life to ours.

    None where the kernel cannot.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def bind() -> None:
        os.nice(part.behind)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def rotate(log: Path) -> None:
    """Put the log of the last run aside, and forget the oldest."""
    log.parent.mkdir(parents=True, exist_ok=True)
    aged = [log, *(log.with_name(f"{log.name}.{n}") for n in range(1, LOGS_KEPT + 1))]
    for older, newer in zip(reversed(aged), list(reversed(aged))[1:], strict=False):
        if newer.exists():
            newer.replace(older)


def last_line(log: Path) -> str:
    """The last line of a log, for a person who wants to know why."""
    lines = _tail(log).decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _tail(log: Path, size_bytes: int = 4096) -> bytes:
    try:
        with log.open("rb") as source:
            return _end_of(source, size_bytes)
    except FileNotFoundError:
        return b""


def _end_of(source: IO[bytes], size_bytes: int) -> bytes:
    source.seek(0, os.SEEK_END)
    source.seek(max(0, source.tell() - size_bytes))
    return source.read()
