"""From a line of the log to the story in the stores: each line about one story names it as its events do.

Every case makes its line happen on real parts: there is one at least for each line that `docs/logs.md` gives a story.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from chassis.bus import Bus
from chassis.catching_up import catch_up
from chassis.declare import Answer, Effect, Step, World
from chassis.event_store import Store
from chassis.http import Runtime, answer
from chassis.items import Asked
from chassis.rebuild import all_events
from chassis.service import Running
from contracts.event import Event
from contracts.orders import OrderAccepted
from tests.architecture.test_log_lines import documented
from tests.chassis.test_unfinished import half_published
from tests.chassis.toys import Accept, Stores, called, start, toy_inventory, toy_orders
from tests.conftest import NatsServer, until
from tests.stores import stores as stores

STORY = "command/of-the-story"


@dataclass(frozen=True)
class Place:
    """Where it happens, and what is logged there."""

    bus: Bus
    url: str
    stores: Stores
    logs: Sequence[Mapping[str, Any]]

    async def hears(self, event: str) -> None:
        """Wait for a line of the log."""
        await until(lambda: any(line["event"] == event for line in self.logs))


type Case = Callable[[Place], Awaitable[set[str]]]
"""Makes a line happen; returns the correlation ids in the store that the line is about."""


def stories(store: Store) -> set[str]:
    """The correlation ids of all that is in a store."""
    return {event.headers["ce-correlationid"] for event in all_events(store)}


def fails(*_: Any) -> Any:
    """A defect."""
    raise RuntimeError("a defect")


async def unreachable(key: str, _: object) -> str:
    """The other side, which is away."""
    raise ConnectionError("nobody there")


async def reachable(key: str, _: object) -> str:
    """The other side."""
    return "done"


async def inventory_of(place: Place, order: str, waits_for: str, **table: Any) -> set[str]:
    """An order of this name is accepted, and the toy inventory, changed so, logs what is waited for."""
    orders = await start(toy_orders(), place.url, place.stores)
    inventory = await start(replace(toy_inventory(), **table), place.url, place.stores)
    await orders.engine.submit([Asked(Accept(f"toy:{order}"), STORY)])
    await until(lambda: inventory.reactor.last_position)
    await place.hears(waits_for)
    found = stories(inventory.store)
    await inventory.stop()
    await orders.stop()
    return found


async def a_message_makes_a_decision_raise(place: Place) -> set[str]:
    return await inventory_of(place, "poison", "message_parked")


async def what_a_message_needs_cannot_be_told(place: Place) -> set[str]:
    known = toy_inventory().on_event[OrderAccepted]
    table = {OrderAccepted: Step(known.then, needs=fails)}
    return await inventory_of(place, "1", "needs_failed", on_event=table)


async def with_call(place: Place, waits_for: str, effect: Effect) -> set[str]:
    table = toy_inventory(effect)
    return await inventory_of(place, "call-1", waits_for, kinds=table.kinds, effects=table.effects)


async def nobody_answers(place: Place) -> set[str]:
    return await with_call(place, "call_unanswered", Effect(unreachable, called))


async def what_is_decided_of_an_answer_raises(place: Place) -> set[str]:
    return await with_call(place, "answer_not_taken", Effect(reachable, fails))


async def nothing_is_decided_of_an_answer(place: Place) -> set[str]:
    def nothing(_: Answer, __: World) -> Iterable[Event]:
        return ()

    return await with_call(place, "answer_not_taken", Effect(reachable, nothing))


async def what_is_decided_of_no_answer_raises(place: Place) -> set[str]:
    return await with_call(place, "answer_not_taken", Effect(unreachable, called, in_doubt=fails))


async def a_timer_makes_a_decision_raise(place: Place) -> set[str]:
    return await inventory_of(place, "soon", "timer_failed", on_timer={"reservation.expiry": fails})


async def a_command_is_given(place: Place) -> set[str]:
    orders = await start(toy_orders(), place.url, place.stores, routes=accepting)
    assert await posted(orders, "/orders", {"units": 1}) == 200
    found = stories(orders.store)
    await orders.stop()
    return found


async def a_command_makes_a_decision_raise(place: Place) -> set[str]:
    """Nothing is stored of it: what the engine was asked under is all there is."""
    orders = await start(toy_orders(), place.url, place.stores, routes=accepting)
    asked: set[str] = set()
    orders.engine.observers.append(
        lambda items, _, __: asked.update(item.id for item in items if isinstance(item, Asked))
    )
    assert await posted(orders, "/orders", {"units": 101}) == 500
    await orders.stop()
    return asked


async def something_is_said_of_a_parked_message(place: Place, verb: str, status: int) -> set[str]:
    orders = await start(toy_orders(), place.url, place.stores)
    inventory = await start(toy_inventory(), place.url, place.stores)
    await orders.engine.submit([Asked(Accept("toy:poison"), STORY)])
    await until(lambda: inventory.reactor.last_position)
    signed = {"actor": "ann", "reason": "looked at it"}
    assert await posted(inventory, f"/ops/parked/parked/ORDERS/1/{verb}", signed) == status
    found = stories(inventory.store)
    await inventory.stop()
    await orders.stop()
    return found


async def a_parked_message_is_let_go(place: Place) -> set[str]:
    return await something_is_said_of_a_parked_message(place, "discard", 200)


async def a_parked_message_is_tried_in_vain(place: Place) -> set[str]:
    return await something_is_said_of_a_parked_message(place, "retry", 409)


async def a_decision_was_cut_off(place: Place) -> set[str]:
    lost, store = await half_published(place.bus, place.url, place.stores)
    done = stories(store)
    await catch_up(replace(toy_inventory(), on_event={}), store, place.bus)
    found = stories(store) - done
    store.close()
    lost.close()
    return found


def accepting(runtime: Runtime) -> Sequence[web.RouteDef]:
    """A route that accepts an order, and one that has a defect."""

    async def accept(request: web.Request) -> web.Response:
        return answer(await runtime.execute(Accept("toy:1", (await request.json())["units"])))

    return web.post("/orders", accept), web.get("/broken", fails)


async def posted(running: Running, path: str, body: dict[str, Any]) -> int:
    """The status of an answer."""
    url = f"http://127.0.0.1:{running.settings.port_of(running.name)}{path}"
    async with ClientSession() as session, session.post(url, json=body) as answered:
        return answered.status


CASES: tuple[tuple[str, Case], ...] = (
    ("message_parked", a_message_makes_a_decision_raise),
    ("needs_failed", what_a_message_needs_cannot_be_told),
    ("call_unanswered", nobody_answers),
    ("answer_not_taken", what_is_decided_of_an_answer_raises),
    ("answer_not_taken", nothing_is_decided_of_an_answer),
    ("answer_not_taken", what_is_decided_of_no_answer_raises),
    ("timer_failed", a_timer_makes_a_decision_raise),
    ("command", a_command_is_given),
    ("command", a_parked_message_is_let_go),
    ("command", a_parked_message_is_tried_in_vain),
    ("request_failed", a_command_makes_a_decision_raise),
    ("decision_cut_off", a_decision_was_cut_off),
)


@pytest.mark.parametrize(("event", "case"), CASES, ids=[case.__name__ for _, case in CASES])
async def test_a_line_about_a_story_names_it(
    bus: Bus, nats_server: NatsServer, stores: Stores, event: str, case: Case
) -> None:
    """The id in the log is the one that the story's events bear: whoever has the one finds the other."""
    with capture_logs() as logs:
        expected = await case(Place(bus, nats_server.url, stores, logs))
    told = {line["correlation"] for line in logs if line["event"] == event}
    assert len(told) == 1
    assert told == expected


async def test_what_caused_nothing_is_in_no_story(bus: Bus, nats_server: NatsServer, stores: Stores) -> None:
    """Nor in that of the request before it on the same connection."""
    orders = await start(toy_orders(), nats_server.url, stores, routes=accepting)
    base = f"http://127.0.0.1:{orders.settings.port_of('orders')}"
    with capture_logs() as logs:
        async with ClientSession(base) as session:
            for _ in range(2):
                async with session.post("/orders", json={"units": 1}) as answered:
                    assert answered.status == 200
            async with session.get("/broken") as answered:
                assert answered.status == 500
    await orders.stop()
    told = [(line["event"], bool(line["correlation"])) for line in logs if "correlation" in line]
    assert told == [("command", True), ("command", False), ("request_failed", False)]


def test_each_line_that_bears_a_correlation_is_made_to_happen() -> None:
    """A new one in `docs/logs.md` needs a case here."""
    assert {event for event, _ in CASES} == {line.event for line in documented() if line.story}
