"""How a sandbox can be told to misbehave: every so many requests, so many times."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class Behaviour(BaseModel):
    """What to do with requests. Every `every`-th is hit, at most `count` times (0: no limit).

    A sandbox narrows `mode` to what it can do; `ok` is always among it. `seconds` is how long the slow modes take.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: str = "ok"
    every: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0, le=600)
    count: int = Field(default=0, ge=0)


@dataclass(slots=True)
class Mood[B: Behaviour]:
    """The behaviour in force, and how often it was asked and applied."""

    behaviour: B
    asked: int = 0
    hit: int = 0

    def set(self, behaviour: B) -> None:
        """Behave like this from now on."""
        self.behaviour, self.asked, self.hit = behaviour, 0, 0

    def spoils_next(self) -> bool:
        """Whether the next request is one to misbehave on."""
        self.asked += 1
        spent = self.behaviour.count and self.hit >= self.behaviour.count
        if self.behaviour.mode == "ok" or spent or self.asked % self.behaviour.every:
            return False
        self.hit += 1
        return True
