"""What a payout's page shows: each line of the statement with what it was tied to, and what is left over."""

from __future__ import annotations

import asyncio
from typing import Any

from ops.asking import Services
from ops.page.glance import quoted

LINES = 100
"""A statement may have thousands: so many on one page."""

LEFT_OVER = 20

TIED_TO = {"charge": "capture", "refund": "refund", "fee": "the fee account"}
"""What explains a line, by its kind; nothing explains an adjustment."""


async def payout_content(services: Services, named: str, first: int) -> dict[str, Any]:
    """The payout by `<provider>:<id>` or its id alone, and its lines from number `first` on.

    Raises what asking raises.
    """
    path = f"/payouts/{quoted(named)}"
    asked = {"from": first, "limit": LINES}
    payout, page = await asyncio.gather(
        services.get("billing", path), services.get("billing", f"{path}/lines", **asked)
    )
    lines = [{**line, "tied_to": TIED_TO.get(line["kind"], line["kind"])} for line in page["lines"]]
    left_over = payout["unexplained"]
    return {
        "payout": payout,
        "lines": lines,
        "next": page["next"],
        "left_over": left_over[:LEFT_OVER],
        "more_left_over": len(left_over[LEFT_OVER:]),
    }
