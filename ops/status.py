"""Health, lag and counts of each service, as the services say it themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from contracts.services import SERVICES
from ops.asking import Services
from ops.console import CannotDo
from ops.system import System

FIGURES = ("pid", "position", "lag", "relay_behind", "effects_pending", "timers_pending", "parked")
SILENT: dict[str, Any] = {
    "ready": False,
    "pid": None,
    "position": None,
    "lag": {},
    **dict.fromkeys(FIGURES[3:]),
}


async def status_of(system: System) -> dict[str, Any]:
    """What every service says of itself, and how many orders are in which state and on which hold."""
    async with Services(system) as services:
        answers = await asyncio.gather(*(_status(services, name) for name in SERVICES))
    said = dict(zip(SERVICES, answers, strict=True))
    counts = said["orders"].get("counts", {})
    return {
        "services": {name: service_shape(answer) for name, answer in said.items()},
        "orders": {"by_state": counts.get("state", {}), "on_hold": counts.get("hold", {})},
    }


def service_shape(answer: dict[str, Any]) -> dict[str, Any]:
    """One service's entry; a service that did not answer is not ready, and says nothing else."""
    return {**SILENT, **{key: answer[key] for key in ("ready", *FIGURES, "error") if key in answer}}


async def _status(services: Services, name: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = await services.get(name, "/ops/status")
    except CannotDo as reason:
        return {"ready": False, "error": str(reason)}
    return answer


def readable(said: dict[str, Any]) -> str:
    """The same for people: a table, and the orders by state and hold."""
    rows = [
        f"{'service':<11}{'ready':<7}{'pid':>8}{'position':>12}{'lag':>9}{'relay':>8}{'calls':>7}{'timers':>8}{'parked':>8}"
    ]
    rows += [_row(name, service) for name, service in said["services"].items()]
    for title, counts in (("orders", said["orders"]["by_state"]), ("on hold", said["orders"]["on_hold"])):
        rows.append(f"\n{title}: " + (", ".join(f"{state} {n:,}" for state, n in counts.items()) or "none"))
    return "\n".join([*rows, *_silent(said["services"])])


def _silent(services: dict[str, Any]) -> Iterator[str]:
    """Why services did not answer; one line where none did, as the reason is the same."""
    reasons = [service["error"] for service in services.values() if "error" in service]
    if reasons:
        yield ""
    yield from reasons[:1] if len(reasons) == len(services) else reasons


def _row(name: str, service: dict[str, Any]) -> str:
    figures = (
        (service["pid"], 8),
        (service["position"], 12),
        (sum(service["lag"].values()), 9),
        (service["relay_behind"], 8),
        (service["effects_pending"], 7),
        (service["timers_pending"], 8),
        (service["parked"], 8),
    )
    ready = "yes" if service["ready"] else "no"
    return f"{name:<11}{ready:<7}" + "".join(f"{'-' if n is None else n:>{width}}" for n, width in figures)
