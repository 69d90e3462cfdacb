"""What waits for a second person, wherever it is: asked of the services that have such a rule, and decided there."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Any
from urllib.parse import quote

from contracts.money import from_minor
from ops.asking import NoAnswer, Services
from ops.console import CannotDo, note, require_signed
from ops.system import System

DECIDING = ("billing", "inventory")
"""The services that ask for a second person."""
LIMIT = 500

type Waiting = dict[str, Any]


async def list_waiting(system: System) -> list[Waiting]:
    """Everything that waits, oldest first; silent services are named on stderr. Raises `CannotDo` where all are."""
    async with Services(system) as services:
        found, silent = await waiting_of(services)
    if len(silent) == len(DECIDING):
        raise silent[0]
    for reason in silent:
        note(f"not looked at: {reason}")
    return found


async def waiting_of(services: Services) -> tuple[list[Waiting], list[NoAnswer]]:
    """What waits in the services that answer, each with its `service`, oldest first; and who did not answer."""
    answers = await asyncio.gather(*(_waiting_at(services, service) for service in DECIDING))
    silent = [answer for answer in answers if isinstance(answer, NoAnswer)]
    found = chain.from_iterable(answer for answer in answers if not isinstance(answer, NoAnswer))
    return sorted(found, key=lambda waiting: str(waiting["asked_at"])), silent


async def _waiting_at(services: Services, service: str) -> list[Waiting] | NoAnswer:
    try:
        answer = await services.get(service, "/approvals", limit=LIMIT)
    except NoAnswer as away:
        return away
    return [{**waiting, "service": service} for waiting in answer["approvals"]]


async def decide(system: System, asked_for: str, how: str, actor: str, reason: str) -> Waiting:
    """`approve` or `deny` it. Raises `CannotDo` with the service's own words where it refuses."""
    require_signed(actor, reason)
    async with Services(system) as services:
        found, _ = await waiting_of(services)
        service = next((waiting["service"] for waiting in found if waiting["id"] == asked_for), None)
        if service is None:
            raise CannotDo(f"nothing waits as {asked_for}; `doorstep approvals list` shows all")
        signed = {"actor": actor, "reason": reason}
        answer: Waiting = await services.post(service, path_of(asked_for, how), signed)
        return answer


def path_of(asked_for: str, how: str) -> str:
    """Where a service takes a decision. The id is quoted once more, as it has quoted parts of its own."""
    return f"/approvals/{quote(asked_for, safe=':')}/{how}"


def readable(waiting: list[Waiting]) -> str:
    """For people: a line for each, and what to do."""
    if not waiting:
        return "nothing waits for a second person"
    rows = [
        f"{entry['asked_at']}  {entry['id']}  {entry['detail']}, {_worth(entry)}: "
        f"{entry['asked_by']} asks, {entry['reason']}"
        for entry in waiting
    ]
    return "\n".join(
        (*rows, "somebody else decides: doorstep approvals approve|deny ID --actor WHO --reason WHY")
    )


def _worth(entry: Waiting) -> str:
    return f"{from_minor(entry['amount_minor'], entry['currency'])} {entry['currency']}"
