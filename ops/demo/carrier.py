"""The demo's carrier: parcels that were handed over are scanned on their way, some to the door."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.asking import Services
from ops.console import CannotDo
from ops.demo.draw import Draw
from ops.page.wording import moment

LOOK_EVERY_SECONDS = 4.0
WAY: tuple[tuple[int, str, str], ...] = (
    # seconds after the hand-over, milestone, place
    (6, "picked_up", "Berlin"),
    (15, "in_transit", "Leipzig"),
    (28, "out_for_delivery", ""),
    (40, "delivered", ""),
)
CARRIER = "the demo's carrier"
STAYS_ON_THE_WAY_EVERY = 3
"""Every third parcel does not get further than `in_transit` while one looks."""


async def drive_parcels(services: Services) -> None:
    """Report scans until cancelled. A scan reported twice counts once, so nothing has to be remembered."""
    reported: set[str] = set()
    while True:
        try:
            await _look(services, reported)
        except CannotDo:
            reported.clear()
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _look(services: Services, reported: set[str]) -> None:
    answer = await services.get("shipping", "/ops/recent", type="shipping.ParcelDispatched.v1", limit=80)
    for event in answer["events"]:
        for scan in due_scans(event["data"]["tracking_number"], moment(event["time"]), datetime.now(UTC)):
            if scan["scan_id"] not in reported:
                await services.post("shipping", f"/parcels/{event['data']['tracking_number']}/scans", scan)
                reported.add(scan["scan_id"])


def due_scans(tracking: str, handed_over: datetime, now: datetime) -> list[dict[str, Any]]:
    """What the carrier has scanned by now, as shipping takes it."""
    stays = Draw(tracking).below(STAYS_ON_THE_WAY_EVERY) == 0
    return [
        {
            "code": code,
            "at": at.isoformat(),
            "place": place,
            "scan_id": f"{tracking}-{code}",
            "actor": CARRIER,
        }
        for seconds, code, place in WAY
        if (at := handed_over + timedelta(seconds=seconds)) <= now and not (stays and seconds > 15)
    ]
