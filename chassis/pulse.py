"""A lock that is ours as long as we give signs of life, and the count of looks at another's without one.

They come from a thread of their own: a process whose event loop is busy for long (a big rebuild, a large batch) still
gives them, and only one that does not run at all does not: stopped, frozen, cut off, swapped to death. A loop that
hangs is the liveness probe's business.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psycopg

from chassis.event_store import StalePosition
from chassis.logs import logger
from chassis.postgres_connections import first_line

BEAT_SECONDS = 0.5
LOOK_AGAIN_SECONDS = 0.2
SILENT_LOOKS_MAX = 20
"""After so many looks without a new sign of life, four seconds or a little more, the holder is ended. In looks rather
than seconds, as whoever looks may itself have been stopped, or be on a crowded machine."""
SURE_SECONDS = 2.0
"""For so long a sign of life proves that the lock is still ours: less than anybody waits before ending us."""


class Pulse:
    """Gives signs of life, from now until it is stopped or fails; then closes what it was given on."""

    def __init__(self, beat: Callable[[], object], close: Callable[[], object]) -> None:
        self.failed: Exception | None = None
        self._beat = beat
        self._close = close
        self._proved = time.monotonic()
        self._stopping = threading.Event()
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    async def sure(self) -> None:
        """Return as soon as a recent sign of life is proof that we are the holder, or the pulse has failed."""
        while not self._over.is_set() and time.monotonic() - self._proved > SURE_SECONDS:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), LOOK_AGAIN_SECONDS)

    async def over(self) -> None:
        """Return once no more signs come."""
        await self._over.wait()

    async def stop(self) -> None:
        """Give no more signs; what they were given on is closed on return."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            while True:
                begun = time.monotonic()
                self._beat()
                self._proved = begun
                if self._stopping.wait(BEAT_SECONDS):
                    break
        except (OSError, psycopg.Error) as failed:
            self.failed = failed
        finally:
            self._close()
            with suppress(RuntimeError):  # the loop ended before us: nobody is left to tell
                self._loop.call_soon_threadsafe(self._over.set)


class Silence:
    """How often in a row a holder was looked at without a new sign of life."""

    def __init__(self) -> None:
        self._last: object = None
        self._looks = 0

    def after(self, sign: object) -> bool:
        """Whether, after this look, it has been silent for too long. A new sign, or a new holder, starts anew."""
        self._looks = self._looks + 1 if sign == self._last else 0
        self._last = sign
        if self._looks < SILENT_LOOKS_MAX:
            return False
        self._looks = 0
        return True


class NotYet(Exception):
    """Somebody else has it; the text says what."""


class Away(NotYet):
    """Nobody can be asked; the text says why."""


type Again = Callable[[], Awaitable[Pulse]]
"""Takes a lock that was lost once more, as soon as somebody can be asked. Raises `NotYet` if another one has it."""


class Owned:
    """A lock that is ours as long as its pulse goes.

    Where it can be lost without anybody having taken it, as in a database that was restarted, `again` takes it anew.
    Then another process may have had it in between: `taken` is another number, and whoever writes has to compare.
    """

    def __init__(self, name: str, pulse: Pulse, again: Again | None = None) -> None:
        self.taken = 1
        """How often we took it."""
        self.on_again: list[Callable[[], None]] = []
        """Told each time that it was taken once more."""
        self._name = name
        self._pulse = pulse
        self._again = again
        self._taking = asyncio.Lock()

    @property
    def held(self) -> bool:
        """Whether it is ours, as far as is known."""
        return self._pulse.failed is None

    async def sure(self) -> int:
        """How often it was taken; returns only while it is ours: after a pause, or a loss, once that was asked anew.

        Raises `StalePosition` when another process has it.
        """
        await self._pulse.sure()
        if not self.held:
            await self._take_again()
        return self.taken

    async def lost(self) -> None:
        """Raises `StalePosition` when it is lost for good: from then on another process may write."""
        while True:
            pulse = self._pulse
            await pulse.over()
            if pulse.failed is None:
                return
            await self._take_again()

    async def give_up(self) -> None:
        """Let the next one have it."""
        await self._pulse.stop()

    async def _take_again(self) -> None:
        async with self._taking:
            failed = self._pulse.failed
            if failed is None:
                return  # somebody who waited with us was quicker
            if self._again is None:
                raise self._stale(failed)
            logger().warning("lock_lost", store=self._name, detail=first_line(failed))
            try:
                self._pulse = await self._again()
            except NotYet:
                self._again = None
                raise self._stale(failed) from None
            self.taken += 1
            logger().warning("lock_taken_again", store=self._name)
            for tell in self.on_again:
                tell()

    def _stale(self, failed: Exception) -> StalePosition:
        return StalePosition(
            f"the lock on {self._name} was lost ({first_line(failed)}): another process may write to it now"
        )


class Alone:
    """Nobody else knows of the store."""

    held = True

    def __init__(self) -> None:
        self.on_again: list[Callable[[], None]] = []

    async def sure(self) -> int:
        """Always."""
        return 1
