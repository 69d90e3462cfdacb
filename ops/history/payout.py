"""One payout's story: what the provider said, and for each line what it was matched with, or why with nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.event_store import Store
from contracts.catalogue import decode
from contracts.event import Event
from contracts.money import from_minor
from ops.console import CannotDo, columns
from ops.history.replay import declared, evolve_of
from ops.history.timeline import Moment, earlier, moment_of, newest, not_known_then
from ops.stores import open_stores
from ops.system import System
from services.billing.domain.payout import Payout
from services.billing.views import payout_lines, payout_view

BILLING, KIND = "billing", "payout"
EVENTS_MAX = 10_000
NAMED_ALIKE_MAX = 10


@dataclass(frozen=True, slots=True)
class PayoutStory:
    """The payout as `GET /payouts/{id}` shows it, with its `lines`, and its events. `left_out`: older events."""

    payout_id: str
    state: dict[str, Any]
    moments: tuple[Moment, ...]
    left_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """The shape other programs rely on."""
        events = [moment.as_json(self.state["currency"]) for moment in self.moments]
        return {
            "payout_id": self.payout_id,
            "state": self.state,
            "events": events,
            "left_out": self.left_out,
        }

    def readable(self) -> str:
        """For people: the sum, each line with what it was tied to, then what happened when."""
        state, currency = self.state, self.state["currency"]
        total, matched, unexplained = (
            _amount(state[name], currency) for name in ("total_minor", "matched_minor", "unexplained_minor")
        )
        head = (
            f"{state['payout_id']} ({state['provider']}) · {state['state']} · {total} paid out: "
            f"{matched} tied to something, {unexplained} to nothing"
        )
        events = [
            f"{moment.stored.headers['ce-time']}  {moment.type.split('.')[1]}  {moment.as_json(currency)['reason']}"
            for moment in self.moments
        ]
        return "\n".join((head, *_lines_told(state, currency), *earlier(self.left_out), *events))


def timeline_of_payout(
    system: System, payout_id: str, at: datetime | None = None, limit: int | None = None
) -> PayoutStory:
    """The payout then; its id alone or `<provider>:<id>`. Raises `CannotDo` for one not known, or not then."""
    store = open_stores(system, (BILLING,))[BILLING]
    entity = _entity_of(store, payout_id)
    moments = [moment_of(BILLING, event) for event in store.events(limit=EVENTS_MAX, entity=entity)]
    known = [moment for moment in moments if at is None or moment.time <= at]
    if not known:
        raise not_known_then(f"payout {payout_id}", moments[0].time)
    events = [decode(moment.type, moment.stored.data) for moment in known]
    shown = tuple(newest(known, limit))
    return PayoutStory(payout_id, _state(events, entity), shown, len(known) - len(shown))


def _entity_of(store: Store, payout_id: str) -> str:
    """The payout of this full id, or the only one that any provider calls so."""
    full = f"{KIND}/{payout_id}"
    if store.events(limit=1, entity=full):
        return full
    found = store.tagged(f"{KIND}:{payout_id}", NAMED_ALIKE_MAX)
    if len(found) > 1:
        names = ", ".join(f"{KIND}:{entity.partition('/')[2]}" for entity in found)
        raise CannotDo(f"several providers have a payout {payout_id}: say which, one of {names}")
    if not found:
        raise CannotDo(f"no payout {payout_id}; ids are written payout:<id> or payout:<provider>:<id>")
    return found[0]


def _state(events: Sequence[Event], entity: str) -> dict[str, Any]:
    evolve = evolve_of(declared(BILLING), entity)
    payout: Payout | None = None
    for event in events:
        payout = evolve(payout, event, entity)
    assert payout is not None, "a payout begins with its report"
    return {**payout_view(payout), "lines": list(payout_lines(events))}


def _lines_told(state: dict[str, Any], currency: str) -> Iterator[str]:
    rows = [
        (
            str(line["line"] + 1),
            line["kind"],
            line["reference"],
            _amount(line["net_minor"], currency),
            _tie(line, currency),
        )
        for line in state["lines"]
    ]
    yield from (f"  line {line}" for line in columns(rows, "><<>"))
    for line in state["unexplained"]:
        if line["line"] < 0:
            yield f"  whole statement  {_amount(line['amount_minor'], currency)}  {line['reason']}"


def _tie(line: dict[str, Any], currency: str) -> str:
    """`is shop:1/1 of order shop:1: 23.00 EUR`, and what that leaves."""
    parts = []
    if line["settles"]:
        amount = _amount(line["matched_minor"], currency)
        parts.append(f"is {line['settles']} of order {line['order_id']}: {amount}")
    elif line["matched_minor"]:
        whose = f"order {line['order_id']}" if line["order_id"] else "the fee account"
        parts.append(f"is {whose}: {_amount(line['matched_minor'], currency)}")
    if line["reason"]:
        parts.append(f"leaves {_amount(line['unexplained_minor'], currency)}: {line['reason']}")
    return "; ".join(parts) or "not looked at yet"


def _amount(minor: int, currency: str) -> str:
    return f"{from_minor(minor, currency)} {currency}"
