"""How the sandbox gateway can be told to misbehave: over its admin endpoint, or by magic addresses and amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from chassis import misbehaviour

type Mode = Literal["ok", "decline", "fail_500", "timeout_after_effect", "late"]

MAGIC_EMAILS: Mapping[str, Mode] = {
    "declined": "decline",
    "lost": "timeout_after_effect",
    "late": "late",
}
"""By the part before the @, each time a new charge is made for it."""

DECLINED_ENDING = 13
"""With `--magic-amounts`, charges whose minor units end in these digits are declined."""


class Behaviour(misbehaviour.Behaviour):
    """What to do with charges and refunds.

    `fail_500` fails before the effect; `timeout_after_effect` moves the money and cuts the connection after `seconds`
    without an answer; `late` waits `seconds`, then does and answers as usual.
    """

    mode: Mode = "ok"


@dataclass(slots=True)
class Mood(misbehaviour.Mood[Behaviour]):
    """The behaviour in force, and the magic that comes before it."""

    magic_amounts: bool = False

    def next(self, email: str, amount_minor: int) -> Mode:
        """What to do with the next request."""
        if magic := MAGIC_EMAILS.get(email.partition("@")[0]):
            return magic
        if self.magic_amounts and amount_minor % 100 == DECLINED_ENDING:
            return "decline"
        return self.behaviour.mode if self.spoils_next() else "ok"
