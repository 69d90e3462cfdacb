"""Which message must leave which trace in the log of the service that takes it in. As data.

Most messages are answered by an event that names the same thing: the order and attempt, the parcel, the refund.
Some need an answer only while something is open in the consumer: a cancellation frees what is promised, and
nothing where nothing is. A type that is not listed may rightly change nothing (a number of units that
nobody waits for): of that one only the consumer's position tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ops.verify.evidence import Facts

type Key = Callable[[Facts], Any]


@dataclass(frozen=True, slots=True)
class Debt:
    """`consumer` answers each `message` with one of `answers` that has the same key.

    With `opened_by`, an event of the consumer, it owes an answer only while that is open: since the last one with
    the message's key and `mark`, none of the answers came. After one of `over` nothing is opened again.
    """

    consumer: str
    message: str
    key: Key
    answers: tuple[str, ...]
    answer_key: Key | None = None
    opened_by: str = ""
    mark: Key = lambda facts: None
    over: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """For people: `StockReserved or ReservationRefused`."""
        return " or ".join(answer.split(".")[1] for answer in self.answers)


LAST_NUMBER = re.compile(r"\d+$")


def _attempt(facts: Facts) -> int:
    """The attempt, as such or as the end of a payment's id."""
    return int(facts["attempt"] if "attempt" in facts else LAST_NUMBER.findall(facts["payment_id"])[-1])


ORDER, PARCEL, REFUND = itemgetter("order_id"), itemgetter("parcel_id"), itemgetter("refund_id")
ORDER_AND_ATTEMPT = itemgetter("order_id", "attempt")
MAIL_CAUSE = itemgetter("cause")
MAIL = ("notify.NotificationQueued.v1", "notify.NotificationSuppressed.v1")
GOES_ON = (
    "orders.PaymentRequested.v1",
    "orders.PaymentAwaited.v1",
    "orders.OrderHeld.v1",
    "orders.OrderRevised.v1",
)
ENDS = ("orders.OrderReleased.v1", "orders.OrderFulfilled.v1", "orders.OrderCancelled.v1")

DEBTS = (
    Debt(
        "inventory",
        "orders.OrderAccepted.v1",
        ORDER_AND_ATTEMPT,
        ("inventory.StockReserved.v1", "inventory.ReservationRefused.v1"),
    ),
    Debt(
        "inventory",
        "orders.OrderCancelled.v1",
        ORDER,
        (
            "inventory.ReservationReleased.v1",
            "inventory.ReservationExpired.v1",
            "inventory.StockDispatched.v1",
        ),
        opened_by="inventory.StockReserved.v1",
    ),
    Debt("inventory", "shipping.ParcelDispatched.v1", PARCEL, ("inventory.StockDispatched.v1",)),
    Debt("billing", "orders.PaymentRequested.v1", ORDER, ("billing.PaymentDue.v1",)),
    Debt(
        "billing",
        "orders.OrderCancelled.v1",
        ORDER,
        ("billing.PaymentClosed.v1", "billing.RefundRequested.v1", "billing.RefundStarted.v1"),
        opened_by="billing.PaymentDue.v1",
    ),
    Debt("billing", "shipping.ParcelDispatched.v1", PARCEL, ("billing.InvoiceIssued.v1",)),
    Debt("shipping", "orders.OrderReleased.v1", ORDER, ("shipping.FulfilmentPlanned.v1",)),
    Debt(
        "shipping",
        "orders.CancellationRequested.v1",
        ORDER,
        ("shipping.FulfilmentCancelled.v1", "shipping.CancellationRefused.v1"),
    ),
    Debt(
        "orders",
        "inventory.StockReserved.v1",
        ORDER,
        GOES_ON,
        opened_by="orders.OrderAccepted.v1",
        mark=_attempt,
        over=ENDS,
    ),
    Debt(
        "orders",
        "inventory.ReservationRefused.v1",
        ORDER,
        GOES_ON,
        opened_by="orders.OrderAccepted.v1",
        mark=_attempt,
        over=ENDS,
    ),
    Debt("orders", "billing.PaymentCaptured.v1", ORDER, ("orders.PaymentConfirmed.v1",)),
    Debt(
        "orders",
        "billing.PaymentFailed.v1",
        ORDER,
        ("orders.OrderHeld.v1", "orders.PaymentConfirmed.v1"),
        opened_by="orders.PaymentRequested.v1",
        mark=_attempt,
        over=ENDS,
    ),
    Debt("orders", "billing.PaymentRefunded.v1", REFUND, ("orders.RefundConfirmed.v1",)),
    Debt("orders", "billing.InvoiceIssued.v1", itemgetter("number"), ("orders.InvoiceNoted.v1",)),
    Debt("orders", "shipping.ParcelDispatched.v1", PARCEL, ("orders.ParcelHandedOver.v1",)),
    Debt("orders", "shipping.FulfilmentCancelled.v1", ORDER, ("orders.OrderCancelled.v1",)),
    Debt("orders", "shipping.CancellationRefused.v1", ORDER, ("orders.CancellationDeclined.v1",)),
    Debt("notify", "orders.OrderAccepted.v1", lambda facts: f"order/{facts['order_id']}", MAIL, MAIL_CAUSE),
    Debt(
        "notify",
        "shipping.ParcelDispatched.v1",
        lambda facts: f"parcel/{facts['parcel_id']}",
        MAIL,
        MAIL_CAUSE,
    ),
    Debt(
        "notify", "billing.PaymentRefunded.v1", lambda facts: f"refund/{facts['refund_id']}", MAIL, MAIL_CAUSE
    ),
)
