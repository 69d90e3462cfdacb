"""The HTTP side of a service: commands in, events or a refusal out; queries from committed state.

Every error is JSON with an `error` that says what was wrong; 422 names the field, 409 the state and what is allowed.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chassis import stories
from chassis.batch import StoredEvent
from chassis.bus import Bus, BusAway
from chassis.callers import CALLER, Caller
from chassis.clock import from_rfc3339
from chassis.crashpoints import crash_point
from chassis.decoding import decode
from chassis.engine import Engine, Overloaded
from chassis.first_fault import first_fault
from chassis.ids import command_id
from chassis.items import RAW_STREAM
from chassis.keys.away import KeysAway
from chassis.logs import logger
from chassis.repeated_keys import RepeatedKey, refuse_repeated_keys
from contracts.actors import NAME_RULE, is_name
from contracts.event import Event
from contracts.parking import CommandRefused

BODY_BYTES_MAX = 1024 * 1024
RETRY_AFTER_SECONDS = 5
DIGITS_MAX = 18
"""More of them are no position of a store."""

type Stated = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
"""Something a person has to say: not blank."""


def _readable_name(said: str) -> str:
    if not is_name(said):
        raise ValueError(NAME_RULE)
    return said


type Actor = Annotated[Stated, AfterValidator(_readable_name)]
"""Who does something, by a name that can be told from others'."""
UNNAMED = "unnamed"
"""The actor of a command that does not say who gives it, where the door does not know either."""


class Signed(BaseModel):
    """Who does something by hand, and why. Both are recorded."""

    model_config = ConfigDict(frozen=True)

    actor: Actor
    reason: Stated


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command caused. `refused` is the refusal among the events, if it was one."""

    events: tuple[Event, ...]

    @property
    def refused(self) -> CommandRefused | None:
        """The refusal, or None."""
        return next((event for event in self.events if isinstance(event, CommandRefused)), None)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with where and when it was recorded."""

    position: int
    entity: str
    version: int
    type: str
    time: datetime
    event: Event


class Runtime:
    """What a service's routes may use."""

    def __init__(self, engine: Engine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus
        self._newest_raw = 0

    @property
    def unread(self) -> int:
        """Messages of the channels that are stored and not yet decided, as far as this process has seen."""
        read = self._engine.reactor.positions.get(RAW_STREAM)
        return max(0, self._newest_raw - (read.position if read else 0))

    async def execute(self, command: Any) -> Outcome:
        """Decide a command and commit what it causes. Raises what the decision raises, or `Overloaded`."""
        outcome = await self._engine.command(command, command_id())
        stories.remember(outcome)
        if outcome.error is not None:
            raise outcome.error
        return Outcome(outcome.events)

    async def state(self, entity: str) -> Any | None:
        """An entity's newest committed state."""
        return (await self._engine.states([entity]))[0]

    async def states(self, entities: Sequence[str]) -> list[Any]:
        """Committed states in the order asked; None for what does not exist."""
        return await self._engine.states(entities)

    async def tagged(self, tag: str, limit: int = 50, after: str = "") -> list[str]:
        """Entities with a tag, oldest first; `after` is the last entity of the page before."""
        return await self._engine.read(lambda: self._engine.store.tagged(tag, limit, after))

    async def counts(self, name: str) -> dict[str, int]:
        """How many entities carry each value of a counted tag: `counts("state")` is `{"held": 3}`."""
        return await self._engine.read(lambda: self._engine.store.counts(name))

    async def recent(self, *types: type[Event], limit: int = 20, before: int | None = None) -> list[Recorded]:
        """The newest events of some types, newest first; `before` is the last position of the page before."""
        names = [model.TYPE for model in types]
        stored = await self._engine.read(lambda: self._engine.store.recent(names, limit, before))
        return [recorded(event) for event in stored]

    async def history(self, entity: str) -> list[Recorded]:
        """Every event of an entity, oldest first."""
        return [
            recorded(e)
            for e in await self._engine.read(lambda: self._engine.store.events(limit=100_000, entity=entity))
        ]

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str], message_id: str) -> int:
        """Store a message as it is; returns its stream sequence once it is on disk. Raises `BusAway`."""
        stored = await self._bus.publish(subject, data, headers, message_id)
        self._newest_raw = max(self._newest_raw, stored)
        crash_point("after_webhook_stored")
        return stored


def recorded(stored: StoredEvent) -> Recorded:
    """A stored event, read."""
    moment = from_rfc3339(stored.headers["ce-time"])
    return Recorded(
        stored.position, stored.entity, stored.version, stored.type, moment, decode(stored.type, stored.data)
    )


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=orjson.dumps(body, default=str), status=status, content_type="application/json", headers=headers
    )


def problem(status: int, title: str, *, headers: dict[str, str] | None = None, **more: Any) -> web.Response:
    """An error answer: `{"error": title, …}`."""
    return reply({"error": title, **more}, status, headers)


def answer(outcome: Outcome, status: int = 200, **more: Any) -> web.Response:
    """The events a command caused; 409 with the refusal, the state and what is allowed in it."""
    if refused := outcome.refused:
        return problem(
            409, refused.reason, state=refused.state, allowed=list(refused.allowed), entity=refused.entity
        )
    events = [
        {"type": event.TYPE, "data": event.model_dump(mode="json", exclude_none=True)}
        for event in outcome.events
    ]
    return reply({"events": events, **more}, status)


async def read_body[M: BaseModel](request: web.Request, model: type[M]) -> M:
    """The request's JSON as a model. Anything else is answered 422 with the field, or 413.

    Where the caller is known by name, that is the `actor`: another one is answered 403.
    """
    said = _in_the_callers_name(request, model, _json_of(await request.read()))
    try:
        return model.model_validate_json(orjson.dumps(said))
    except orjson.JSONEncodeError:
        raise unprocessable("", "body: nested too deeply") from None
    except ValidationError as wrong:
        fault = first_fault(wrong)
        raise unprocessable(fault.path, f"{fault.path or 'body'}: {fault.says}") from None


def _json_of(body: bytes) -> Any:
    """What the body says, read once and by one reader: what another one would make of it has no say.

    Readers differ in what they take (`NaN`, `1e999`), and what one of them checked must not be another's to believe.
    """
    try:
        refuse_repeated_keys(body)
        return orjson.loads(body)
    except RepeatedKey as ambiguous:
        raise unprocessable("", f"body: {ambiguous}") from None
    except orjson.JSONDecodeError as wrong:
        raise unprocessable("", f"body: Invalid JSON: {wrong}") from None


def _in_the_callers_name(request: web.Request, model: type[BaseModel], said: Any) -> Any:
    caller = request.get(CALLER)
    if caller is None or not caller.name or "actor" not in model.model_fields or not isinstance(said, dict):
        return said
    if said.setdefault("actor", caller.name) != caller.name:
        raise _somebody_else(caller)
    return said


def signer(request: web.Request, said: str = "") -> str:
    """Who gives a command whose body is no JSON: the caller's own name, else who it says, else `UNNAMED`."""
    caller: Caller | None = request.get(CALLER)
    if caller is None or not caller.name:
        return said.strip() or UNNAMED
    if said not in ("", caller.name):
        raise _somebody_else(caller)
    return caller.name


def _somebody_else(caller: Caller) -> web.HTTPForbidden:
    body = orjson.dumps({"error": f"actor: you are {caller.name}", "field": "actor"})
    return web.HTTPForbidden(body=body, content_type="application/json")


def read_limit(request: web.Request, usual: int, most: int) -> int:
    """`?limit=`: how many are asked for, `usual` where nothing is said. Anything but 1 to `most` is answered 422."""
    asked = request.query.get("limit", str(usual))
    if asked.isdecimal() and len(asked) < 10 and 1 <= int(asked) <= most:
        return int(asked)
    raise unprocessable("limit", f"limit: is a number from 1 to {most}")


def read_position(request: web.Request, name: str) -> int:
    """A position in the query, 0 where nothing is said. Anything but a whole number is answered 422."""
    asked = request.query.get(name) or "0"
    if asked.isdecimal() and len(asked) <= DIGITS_MAX:
        return int(asked)
    raise unprocessable(name, f"{name}: is a position, a whole number")


def unprocessable(field: str, title: str) -> web.HTTPUnprocessableEntity:
    """422, to be raised: which field was wrong, and why."""
    body = orjson.dumps({"error": title, "field": field})
    return web.HTTPUnprocessableEntity(body=body, content_type="application/json")


def route_of(request: web.Request) -> str:
    """What is asked for as our routes have it, `/orders/{id}`: never a word of who asks. Empty where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No error leaves as HTML or as a traceback."""
    try:
        return await handler(request)
    except web.HTTPException as known:
        if known.content_type == "application/json" or known.status < 400:
            raise
        return problem(known.status, known.reason)
    except web.RequestPayloadError as cut_off:
        return problem(400, f"the body cannot be read: {cut_off}")
    except (BusAway, KeysAway, Overloaded) as away:
        return problem(503, str(away), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    except Exception as fault:  # noqa: BLE001 - the border: logged with its traceback, answered without it
        logger().exception(
            "request_failed",
            correlation=stories.of_this_request(),
            path=route_of(request),
        )
        return problem(500, f"{type(fault).__name__}: see the service's log")


def as_json(event: StoredEvent) -> dict[str, Any]:
    """A stored event for an operator's tool."""
    headers = event.headers
    return {
        "position": event.position,
        "entity": event.entity,
        "version": event.version,
        "type": event.type,
        "time": headers["ce-time"],
        "data": orjson.loads(event.data),
        "correlation_id": headers["ce-correlationid"],
        "causation_id": headers["ce-causationid"],
    }


def as_text(data: bytes) -> dict[str, str]:
    """Bytes for JSON: exactly in base64, and readable where they are text."""
    return {"body": base64.b64encode(data).decode(), "text": data.decode("utf-8", "replace")}
