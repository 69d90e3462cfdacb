"""Calls to the outside: each until it is answered, never twice without asking. Stands for `chassis/effects.py`.

What differs: there is no pause before another try and no bound on calls at once, for here the schedule decides
when each of them begins, and when its answer comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chassis.batch import Batch
from chassis.declare import Answer, Call, Effect
from chassis.items import Answered
from chassis.reactor import Outcome
from tests.simulation.bus import finished
from tests.simulation.store import Interrupt

type Key = tuple[str, str]
"""(entity, call key)."""
type HandIn = Callable[[Answered, Callable[[Outcome], None]], None]
"""Give an answer to the engine; hear what came of it."""


class Crash(Exception):
    """The process is killed here."""


class Calls:
    """The calls of one process. `witness` is told of every call just before it is made."""

    def __init__(
        self,
        effects: Mapping[str, Effect],
        call_of: Callable[[Key], Call | None],
        hand_in: HandIn,
        interrupt: Interrupt,
        witness: Callable[[Key], None],
    ) -> None:
        self.due: dict[Key, str] = {}
        self.unsure: set[Key] = set()
        self.answers: list[tuple[Key, Answered]] = []
        self._effects, self._call_of, self._hand_in = effects, call_of, hand_in
        self._interrupt, self._witness = interrupt, witness
        self._doubted: set[Key] = set()
        self._under_way: set[Key] = set()

    def recover(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """What the store says is due at start: it may have been made already."""
        for entity, key, kind in rows:
            self.unsure.add((entity, key))
            self.due[entity, key] = kind

    def committed(self, batch: Batch) -> None:
        """Calls that became due or were settled."""
        for gone in batch.calls_gone:
            self.due.pop(gone, None)
            self.unsure.discard(gone)
            self._doubted.discard(gone)
        for entity, key, kind in batch.calls_due:
            self.due.setdefault((entity, key), kind)

    def waiting(self) -> list[Key]:
        """Calls that may begin now."""
        return [key for key in self.due if key not in self._under_way]

    def begin(self, key: Key) -> None:
        """Make the call. Its answer is on the way from now on; or there is none, and it is due again."""
        call = self._call_of(key)
        if call is None:
            del self.due[key]
            return
        try:
            answer = finished(self.answer(self._effects[call.kind], key, call))
        except Crash:
            raise
        except Exception as fault:  # noqa: BLE001 - no answer, whatever the adapter says: it is asked for again
            self.unsure.add(key)
            self._doubt(key, call, repr(fault))
            return
        self._under_way.add(key)
        self.answers.append((key, Answered(call.kind, Answer(*key, call.payload, answer))))

    async def answer(self, effect: Effect, key: Key, call: Call) -> Any:
        """Ask first where it may have been made already."""
        if effect.ask is not None and key in self.unsure:
            known = await effect.ask(key[1], call.payload)
            if known is not None:
                return known
        self._interrupt("before_call")
        self._witness(key)
        return await effect.call(key[1], call.payload)

    def _doubt(self, key: Key, call: Call, fault: str) -> None:
        if self._effects[call.kind].in_doubt is not None and key not in self._doubted:
            self._doubted.add(key)
            lost = Answered(call.kind, Answer(*key, call.payload, fault), lost=True)
            self._hand_in(lost, lambda outcome: None)

    def end(self, number: int) -> None:
        """An answer arrives."""
        key, answered = self.answers.pop(number)
        self._interrupt("after_call")
        self._hand_in(answered, lambda outcome: self._taken(key, outcome))

    def _taken(self, key: Key, outcome: Outcome) -> None:
        self._under_way.discard(key)
        if outcome.error is not None or not outcome.events:
            self.unsure.add(key)
