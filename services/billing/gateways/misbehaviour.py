"""How the sandbox gateway can be told to misbehave: over its admin endpoint, or by magic addresses and amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

type Mode = Literal["ok", "decline", "fail_500", "timeout_after_effect", "late"]

MAGIC_EMAILS: Mapping[str, Mode] = {
    "declined": "decline",
    "lost": "timeout_after_effect",
    "late": "late",
}
"""By the part before the @, each time a new charge is made for it."""

DECLINED_ENDING = 13
"""With `--magic-amounts`, charges whose minor units end in these digits are declined."""


class Behaviour(BaseModel):
    """What to do with charges and refunds. Every `every`-th is hit, at most `count` times (0: no limit).

    `fail_500` fails before the effect; `timeout_after_effect` moves the money and cuts the connection after `seconds`
    without an answer; `late` waits `seconds`, then does and answers as usual.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "ok"
    every: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0, le=600)
    count: int = Field(default=0, ge=0)


@dataclass(slots=True)
class Mood:
    """The behaviour in force, and how often it was asked and applied."""

    behaviour: Behaviour
    magic_amounts: bool = False
    asked: int = 0
    hit: int = 0

    def set(self, behaviour: Behaviour) -> None:
        """Behave like this from now on."""
        self.behaviour, self.asked, self.hit = behaviour, 0, 0

    def next(self, email: str, amount_minor: int) -> Mode:
        """What to do with the next request."""
        if magic := MAGIC_EMAILS.get(email.partition("@")[0]):
            return magic
        if self.magic_amounts and amount_minor % 100 == DECLINED_ENDING:
            return "decline"
        self.asked += 1
        spent = self.behaviour.count and self.hit >= self.behaviour.count
        if self.behaviour.mode == "ok" or spent or self.asked % self.behaviour.every:
            return "ok"
        self.hit += 1
        return self.behaviour.mode
