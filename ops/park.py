"""Parked messages, wherever they are: asked of each service over HTTP, settled with an actor and a reason."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import quote

from contracts.parking import SERVICES
from ops.asking import NoAnswer, Services
from ops.console import CannotDo, note, require_signed
from ops.system import System

PAGE = 1000
"""The most that a service gives at once."""

type Parked = dict[str, Any]


async def list_parked(system: System, at_once: int = PAGE) -> list[Parked]:
    """All open parked messages of the services that answer, oldest first; the silent ones are named on stderr.
    Each service is asked for `at_once` of them until it has no more.

    Raises `CannotDo` where none answers.
    """
    async with Services(system) as services:
        return await _all(services, at_once)


async def show_parked(system: System, message: str, service: str | None = None) -> Parked:
    """One parked message with its body. Raises `CannotDo` where no service has it, or several have."""
    async with Services(system) as services:
        parked = await _find(services, message, service)
        shown: Parked = await services.get(parked["service"], _path(parked))
        return shown


async def settle_parked(
    system: System, message: str, how: str, actor: str, reason: str, service: str | None = None
) -> Parked:
    """`retry` or `discard` it. Raises `CannotDo` with the service's own words where it refuses."""
    require_signed(actor, reason)
    async with Services(system) as services:
        parked = await _find(services, message, service)
        signed = {"actor": actor, "reason": reason}
        answer: Parked = await services.post(parked["service"], f"{_path(parked)}/{how}", signed)
        return answer


async def _all(services: Services, at_once: int = PAGE) -> list[Parked]:
    asked = (_of(services, service, at_once) for service in SERVICES)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    silent = [answer for answer in answers if isinstance(answer, BaseException)]
    for away in silent:
        if not isinstance(away, NoAnswer) or len(silent) == len(SERVICES):
            raise away
        note(f"not looked at: {away}")
    found = (parked for answer in answers if isinstance(answer, list) for parked in answer)
    return sorted(found, key=lambda parked: str(parked["received_at"]))


async def _of(services: Services, service: str, at_once: int) -> list[Parked]:
    """What one service has, page by page."""
    found: list[Parked] = []
    after: str | None = ""
    while after is not None:
        page = await services.get(service, "/ops/parked", limit=at_once, after=after)
        found += page["parked"]
        after = page.get("next")
    return found


async def _find(services: Services, message: str, service: str | None) -> Parked:
    """The parked message of this id: `parked/CHANNELS/17`, or `CHANNELS/17` for short."""
    found = [
        parked
        for parked in await _all(services)
        if message in (parked["id"], parked["id"].partition("/")[2]) and service in (None, parked["service"])
    ]
    if not found:
        raise CannotDo(f"no open parked message {message}; `doorstep park list` shows all with their ids")
    if len(found) > 1:
        names = ", ".join(parked["service"] for parked in found)
        raise CannotDo(f"{message} is parked by {names}: say which with --service")
    return found[0]


def _path(parked: Parked) -> str:
    return f"/ops/parked/{quote(parked['id'])}"


def readable_list(parked: list[Parked]) -> str:
    """For people: a line per message."""
    if not parked:
        return "nothing is parked"
    return "\n".join(
        f"{entry['received_at']}  {entry['service']:<9}  {entry['id']}  {entry['reason']}" for entry in parked
    )


def readable_one(parked: Parked) -> str:
    """For people: why, the traceback, and the body where it is text."""
    shown = ("id", "service", "subject", "type", "received_at", "tries", "reason")
    head = [f"{name}: {parked[name]}" for name in shown if name in parked]
    body = base64.b64decode(parked.get("body") or "")
    return "\n".join((*head, parked.get("traceback", ""), "", body.decode(errors="backslashreplace")))
