"""Which story a request's command belongs to: known where it is decided, wanted where the request is logged."""

from __future__ import annotations

from contextvars import ContextVar

from chassis.reactor import Outcome

_STORY: ContextVar[str] = ContextVar("story", default="")
"""Each request is a task of its own, and so has a context of its own."""


def remember(outcome: Outcome) -> None:
    """This was caused, or failed, by what the request asked for. What caused nothing is in no story."""
    if outcome.events or outcome.error is not None:
        _STORY.set(outcome.correlation)


def of_this_request() -> str:
    """The correlation id of the last command of this request that caused something or failed; empty without one."""
    return _STORY.get()
