"""How hard the other side is pressed when it does not answer: a breaker that opens, and a budget for asking again."""

from __future__ import annotations

import random
from dataclasses import dataclass

OPENS_AT_FAILURES = 5
"""Calls in a row without an answer after which nothing is called for a while, then one at a time."""
PAUSE_SECONDS_FIRST = 0.5
PAUSE_SECONDS_MAX = 10.0
"""Between probes: it bounds how long the first call waits after the other side is back."""
RETRY_SHARE = 0.1
RETRIES_SAVED_MAX = 10.0
RETRIES_PER_SECOND_MIN = 1.0
"""Every call must be made in the end, so a little is always allowed, however few first calls there are."""


@dataclass(slots=True)
class Breaker:
    """Closed while calls are answered; open for a growing, jittered pause after a run of failures; then one probe.

    Times are seconds of a monotonic clock, handed in.
    """

    failures: int = 0
    """Calls in a row without an answer. Those that were under way when it opened count as one."""
    open_until: float = 0.0

    def answered(self) -> None:
        """The other side is there."""
        self.failures, self.open_until = 0, 0.0

    def unanswered(self, now: float) -> float:
        """One more without an answer. Returns after how many seconds it may be asked again for this call."""
        if now < self.open_until:
            return self.open_until - now
        self.failures += 1
        pause = self.pause()
        if self.failures >= OPENS_AT_FAILURES:
            self.open_until = now + pause
        return pause

    def pause(self) -> float:
        """Seconds until a call is tried again: half to all of a time that doubles with every probe in vain."""
        opened = max(0, self.failures - OPENS_AT_FAILURES + 1)
        seconds = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_FIRST * (1 << min(opened, 10)))
        return seconds * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret

    def at_once(self, usual: int, now: float) -> int:
        """How many calls may be under way: none while open, one while it is not known to answer again."""
        if now < self.open_until:
            return 0
        return 1 if self.failures else usual


@dataclass(slots=True)
class RetryBudget:
    """At most one retry for ten first calls, some saved up, and never less than one a second."""

    saved: float = RETRIES_SAVED_MAX
    looked_at: float = 0.0

    def first_call(self) -> None:
        """A call was made for the first time: it earns a tenth of a retry."""
        self.saved = min(RETRIES_SAVED_MAX, self.saved + RETRY_SHARE)

    def take(self, now: float) -> bool:
        """Whether there is one to spend; if so, it is spent. `now` is monotonic, in seconds."""
        if self.looked_at:
            earned = (now - self.looked_at) * RETRIES_PER_SECOND_MIN
            self.saved = min(RETRIES_SAVED_MAX, self.saved + earned)
        self.looked_at = now
        if self.saved < 1:
            return False
        self.saved -= 1
        return True
