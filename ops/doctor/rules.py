"""Of each kind of thing that waits for people: what that means, what ends it, and how long is too long.

Up to its patience waiting is the day's work, beyond it a complaint. A kind that the table does not know has a sentence
of its own, too.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Rule:
    """What it means that things of a kind wait, and what ends it; up to `patience_seconds` it is no complaint."""

    means: str
    do: str
    runbook: str
    patience_seconds: float


HOLD, WAITING = "orders-on-hold", "waiting-for-people"
UNKNOWN = Rule(
    "waiting, for a reason this release does not know", "`doorstep timeline ORDER` tells its story", HOLD, 0.0
)
WAITS: dict[str, Rule] = {
    "hold sku_unmapped": Rule(
        "on hold, as an article is not in the catalogue",
        "import it, and they go on by themselves: `doorstep import skus FILE.csv`",
        HOLD,
        2 * DAY,
    ),
    "hold stock_short": Rule(
        "on hold, as stock is short",
        "receive stock, and they go on by themselves (`doorstep import stock FILE.csv`, or `POST /stock/receipts`), or"
        " cancel them",
        HOLD,
        2 * DAY,
    ),
    "hold address_invalid": Rule(
        "on hold, as nothing can be delivered to their address",
        "have the address corrected at the channel, which sends the order again; release the hold on the page if it is"
        " right after all",
        HOLD,
        2 * DAY,
    ),
    "hold totals_mismatch": Rule(
        "on hold, as their totals do not add up",
        "compare the lines with the channel's own: it sends a corrected order, or release the hold on the page",
        HOLD,
        2 * DAY,
    ),
    "hold payment_failed": Rule(
        "on hold, as their payment failed",
        "have the customer pay; else the order is cancelled when the hold's limit runs out",
        HOLD,
        2 * DAY,
    ),
    "hold manual": Rule(
        "on hold for a person to look at",
        "`doorstep timeline ORDER` says why; release the hold on the page, or cancel the order",
        HOLD,
        2 * DAY,
    ),
    "payment in_doubt": Rule(
        "charged for without an answer, so that nobody knows yet whether the money was collected",
        "wait for the gateway: it is asked by reference, and nothing is charged twice; if it does not come back, look"
        " the reference up there",
        "calls-failing",
        HOUR,
    ),
    "payment refund_due": Rule(
        "owed money that the channel has to give back",
        "give it back at the channel; where the channel does not tell, confirm it to billing:"
        " `POST /orders/ORDER/refunds/confirm`",
        WAITING,
        2 * DAY,
    ),
    "payment refund_failed": Rule(
        "owed a refund that was refused",
        "see at the gateway why; then have it tried again (`POST /orders/ORDER/refunds/retry`), or give it back by hand"
        " and confirm it (`…/refunds/confirm`)",
        WAITING,
        0.0,
    ),
    "label failed": Rule(
        "without a label, as none could be had",
        "the order's page says why and asks for it again; with another carrier or a corrected address:"
        " `POST /fulfilments/ORDER/labels/retry`",
        WAITING,
        HOUR,
    ),
    "count due": Rule(
        "to be counted, as more units left than the books had",
        "count it and book the difference: `POST /stock/adjustments`; until then too much may be promised",
        WAITING,
        0.0,
    ),
    "approval": Rule(
        "waiting for a second person",
        "somebody else than who asked decides: `doorstep approvals list`, then `approvals approve` or `deny`",
        WAITING,
        DAY,
    ),
}
"""By kind. The alerts have the same limits (`deploy/observability/alerts.yaml`)."""
THINGS = {"approval": "approval", "count due": "SKU"}
"""What waits, where it is no order."""
