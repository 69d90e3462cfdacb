"""How hard the other side is pressed while it does not answer, and how much of what waits is kept in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from chassis import effects
from chassis.batch import Batch
from chassis.breaker import (
    OPENS_AT_FAILURES,
    PAUSE_SECONDS_MAX,
    RETRIES_SAVED_MAX,
    RETRY_SHARE,
    Breaker,
    RetryBudget,
)
from chassis.declare import Answer, Call, Effect
from chassis.effects import Effects
from chassis.event_store import StalePosition
from chassis.items import Answered, Item
from chassis.reactor import Outcome
from contracts.orders import OrderFulfilled
from tests.conftest import until

USUAL = 8

type Submit = Callable[[Sequence[Item]], Awaitable[list[Outcome]]]


def test_after_a_run_of_failures_nothing_is_called_until_the_pause_is_over() -> None:
    """Then one call finds out; an answer puts everything back at once."""
    breaker = Breaker()
    for _ in range(OPENS_AT_FAILURES - 1):
        breaker.unanswered(now=100.0)
    assert breaker.at_once(USUAL, now=100.0) == 1
    pause = breaker.unanswered(now=100.0)
    assert breaker.at_once(USUAL, now=100.0 + pause - 0.001) == 0
    assert breaker.at_once(USUAL, now=100.0 + pause) == 1
    breaker.answered()
    assert breaker.at_once(USUAL, now=100.0) == USUAL


def test_calls_that_were_under_way_when_it_opened_do_not_make_the_pause_longer() -> None:
    """Sixteen that die together are one piece of news."""
    breaker = Breaker()
    for _ in range(16):
        breaker.unanswered(now=100.0)
    assert breaker.failures == OPENS_AT_FAILURES
    assert breaker.at_once(USUAL, now=101.0) == 1


def test_the_pauses_grow_to_their_bound() -> None:
    """Half to all of it: many services do not knock at the same moment."""
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(20):
        now += breaker.unanswered(now)
        pauses.append(breaker.pause())
    assert PAUSE_SECONDS_MAX / 2 <= pauses[-1] <= PAUSE_SECONDS_MAX
    assert max(pauses[:4]) < 1.0


def test_retries_are_a_tenth_of_the_calls() -> None:
    """Beyond what is saved up, and beside the one a second that is always allowed."""
    budget, now = RetryBudget(), 50.0
    saved = 0
    while budget.take(now):
        saved += 1
    assert saved == RETRIES_SAVED_MAX
    for _ in range(round(2.5 / RETRY_SHARE)):
        budget.first_call()
    assert [budget.take(now) for _ in range(3)] == [True, True, False]
    assert budget.take(now + 1.0)
    assert not budget.take(now + 1.1)


@dataclass
class OtherSide:
    """Answers, or does not; knows who called. `loses_first`: of so many calls it loses the first answer to one."""

    answers: bool = True
    loses_first: int = 0
    called: list[str] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, key: str, _: object) -> str:
        self.called.append(key)
        await self.may_answer.wait()
        is_first = self.called.count(key) == 1
        if not self.answers or (self.loses_first and is_first and len(self.called) % self.loses_first == 0):
            raise ConnectionError("nobody there")
        return "done"


def lane(
    other: OtherSide,
    stored: dict[tuple[str, str], str],
    meanwhile: Callable[[], None] = lambda: None,
    submit: Submit | None = None,
) -> Effects:
    """Calls to the other side; `stored` is what the store still has, and an answer takes it out. `meanwhile` happens
    whenever that has been read and was not handed over yet. `submit` takes the answers instead.
    """

    async def call_of(key: tuple[str, str]) -> Call | None:
        return Call(stored[key], None) if key in stored else None

    async def story_of(entity: str) -> str:
        return f"story of {entity}"

    async def take(items: Sequence[Item]) -> list[Outcome]:
        for item in items:
            assert isinstance(item, Answered)
            key = (item.answer.entity, item.answer.key)
            del stored[key]
            calls.committed(Batch(calls_gone=[key]))
        return [Outcome((OrderFulfilled(order_id="shop:1"),)) for _ in items]

    async def rows(limit: int) -> list[tuple[str, str, str]]:
        found = [(entity, key, kind) for (entity, key), kind in sorted(stored.items())][:limit]
        meanwhile()
        return found

    def then(_: Answer, __: object) -> tuple[()]:
        return ()

    calls = Effects(
        {"pay": Effect(other.call, then, at_once=2)}, call_of, story_of, submit or take, stored=rows
    )
    return calls


def due(count: int) -> list[tuple[str, str, str]]:
    return [(f"payment/shop:{n}", "capture", "pay") for n in range(count)]


async def test_what_there_is_no_room_for_stays_in_the_store_until_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gateway that is away for a day must not fill the memory; nor is a call forgotten."""
    monkeypatch.setattr(effects, "AT_HAND_MAX", 10)
    other = OtherSide()
    stored = {(entity, key): kind for entity, key, kind in due(100)}
    calls = lane(other, stored)
    calls.committed(Batch(calls_due=due(100)))
    await until(lambda: len(other.called) == 2)
    assert calls.pending == 11, "ten at hand, and word of more"
    other.may_answer.set()
    await until(lambda: not stored)
    assert (calls.pending, len(other.called)) == (0, 100)
    await calls.stop(1.0)


async def test_what_comes_while_the_store_is_read_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows were read before it was there, and there is not room for all of it: another reading finds it."""
    monkeypatch.setattr(effects, "AT_HAND_MAX", 10)
    other = OtherSide()
    other.may_answer.set()
    stored: dict[tuple[str, str], str] = {}
    to_come = due(25)

    def come() -> None:
        stored.update({(entity, key): kind for entity, key, kind in to_come})
        calls.committed(Batch(calls_due=to_come))
        to_come.clear()

    calls = lane(other, stored, come)
    await calls.begin()
    await until(lambda: not stored)
    assert (calls.pending, len(other.called)) == (0, 25)
    await calls.stop(1.0)


async def test_nothing_is_called_any_more_where_another_process_has_the_store() -> None:
    """It makes the calls itself. Here the engine says why it ended: no traceback for each call beside that."""
    other, forgotten = OtherSide(), []
    other.may_answer.set()
    stored = {(entity, key): kind for entity, key, kind in due(10)}

    async def submit(_: Sequence[Item]) -> list[Outcome]:
        raise StalePosition("another process wrote to it")

    asyncio.get_running_loop().set_exception_handler(lambda _, said: forgotten.append(said["message"]))
    calls = lane(other, stored, submit=submit)
    calls.committed(Batch(calls_due=due(10)))
    await until(lambda: len(other.called) >= 2)
    await calls.stop(1.0)
    gc.collect()
    assert (len(other.called), calls.pending, forgotten) == (2, 10, [])


async def test_a_side_that_does_not_answer_is_left_alone() -> None:
    """Out of a hundred calls that are due only a handful is tried; all of them are still due."""
    other = OtherSide(answers=False)
    other.may_answer.set()
    stored = {(entity, key): kind for entity, key, kind in due(100)}
    calls = lane(other, stored)
    calls.committed(Batch(calls_due=due(100)))
    await until(lambda: calls.failing.get("pay", 0) >= OPENS_AT_FAILURES)
    assert len(other.called) <= OPENS_AT_FAILURES + 1
    assert calls.pending == 100
    await calls.stop(1.0)


async def test_retries_stay_within_their_budget_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are lost one by one, so that no breaker opens: what is asked again is a tenth, what was saved up, and so
    many a second. Every call is answered in the end.
    """
    per_second, calls_due = 50.0, 300
    monkeypatch.setattr("chassis.breaker.RETRIES_PER_SECOND_MIN", per_second)
    other = OtherSide(loses_first=3)
    other.may_answer.set()
    stored = {(f"payment/shop:{n}", f"capture-{n}"): "pay" for n in range(calls_due)}
    calls = lane(other, stored)
    began = time.monotonic()
    calls.committed(Batch(calls_due=[(*key, kind) for key, kind in stored.items()]))
    await until(lambda: not stored)
    allowed = RETRIES_SAVED_MAX + RETRY_SHARE * calls_due + per_second * (time.monotonic() - began)
    retried = len(other.called) - calls_due
    assert retried >= calls_due // 4, "this asks for more than the budget has at once"
    assert retried <= allowed
    await calls.stop(1.0)
