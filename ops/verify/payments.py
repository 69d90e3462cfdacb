"""I4: at most one charge per payment, and the gateway's own log agrees with ours, to the cent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from chassis.batch import StoredEvent
from ops.verify.evidence import Evidence, Facts, spot
from ops.verify.scan import Reader
from ops.verify.truth import Transfer
from ops.verify.verdict import Tally, Verdict

GATEWAY = "gateway"
CAPTURE_STARTED, REFUND_STARTED = "billing.CaptureStarted.v1", "billing.RefundStarted.v1"


@dataclass(slots=True)
class Money:
    """What is known of one order's money, in minor units."""

    due: int | None = None
    payment: str = ""
    captured: int = 0
    captures: int = 0
    refunded: int = 0
    where: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A transfer that we asked the gateway for, and where."""

    transfer: Transfer
    where: str
    id: str


class Payments:
    """Adds up each order's captures and refunds, then holds our transfers against the gateway's."""

    def __init__(self, evidence: Evidence, truth: Iterable[Transfer]) -> None:
        self._evidence, self._truth = evidence, truth
        self._tally = Tally("I4")
        self._orders: dict[str, Money] = {}
        self._asked: dict[str, Asked] = {}
        self._settled: dict[str, Transfer] = {}
        self._refunds: set[str] = set()
        self._declined: set[str] = set()
        self.reads: dict[str, Reader] = {
            "billing.PaymentDue.v1": self._due,
            CAPTURE_STARTED: self._capture_started,
            "billing.PaymentCaptured.v1": self._captured,
            REFUND_STARTED: self._refund_started,
            "billing.PaymentRefunded.v1": self._refunded,
            "billing.PaymentFailed.v1": lambda _, facts: self._declined.add(facts["payment_id"]),
            "billing.RefundFailed.v1": lambda _, facts: self._declined.add(facts["refund_id"]),
        }

    def _money(self, facts: Facts) -> Money:
        return self._orders.setdefault(facts["order_id"], Money())

    def _due(self, event: StoredEvent, facts: Facts) -> None:
        self._money(facts).due = facts["total_minor"]

    def _capture_started(self, event: StoredEvent, facts: Facts) -> None:
        transfer = Transfer("charge", facts["reference"], facts["currency"], facts["amount_minor"])
        before = self._asked.get(transfer.reference)
        self._tally.check(before is None, spot(event), f"reference {transfer.reference} was used before")
        self._asked[transfer.reference] = Asked(transfer, spot(event), facts["payment_id"])

    def _captured(self, event: StoredEvent, facts: Facts) -> None:
        money, where = self._money(facts), spot(event)
        money.captures += 1
        money.captured += facts["amount_minor"]
        money.where = where
        self._tally.check(money.captures == 1, where, f"captured {money.captures} times")
        self._tally.check(
            money.due == facts["amount_minor"], where, f"captured {facts['amount_minor']}, due {money.due}"
        )
        if facts["source"] == GATEWAY:
            self._settle("charge", event, facts)

    def _refund_started(self, event: StoredEvent, facts: Facts) -> None:
        if facts["source"] == GATEWAY:
            transfer = Transfer("refund", facts["reference"], facts["currency"], facts["amount_minor"])
            self._asked[transfer.reference] = Asked(transfer, spot(event), facts["refund_id"])

    def _refunded(self, event: StoredEvent, facts: Facts) -> None:
        money, where = self._money(facts), spot(event)
        money.refunded += facts["amount_minor"]
        self._tally.check(
            facts["refund_id"] not in self._refunds, where, f"{facts['refund_id']} refunded twice"
        )
        self._refunds.add(facts["refund_id"])
        self._tally.check(
            money.refunded <= money.captured, where, f"refunded {money.refunded} of {money.captured} captured"
        )
        if facts["reference"] in self._asked:
            self._settle("refund", event, facts)

    def _settle(self, kind: str, event: StoredEvent, facts: Facts) -> None:
        reference = facts["reference"]
        transfer = Transfer(kind, reference, facts["currency"], facts["amount_minor"])
        asked = self._asked.get(reference)
        self._tally.check(
            asked is not None and asked.transfer == transfer,
            spot(event),
            f"{reference} was never asked for like this",
        )
        self._settled[reference] = transfer

    def conclude(self) -> Iterable[Verdict]:
        """Hold both logs against each other. What was asked for meanwhile may be in the gateway's already."""
        made, seen = list(self._truth), set[str]()
        meanwhile = self._asked_meanwhile()
        for transfer in made:
            if transfer.reference in self._asked or transfer.reference not in meanwhile:
                self._judge(transfer, seen)
        for reference, transfer in self._settled.items():
            where = self._asked[reference].where if reference in self._asked else reference
            self._tally.check(reference in seen, where, f"{transfer} is not in the gateway's log")
        unanswered = self._asked.keys() - self._settled.keys()
        self._tally.pending += sum(
            self._asked[reference].id not in self._declined for reference in unanswered
        )
        return (self._tally.verdict(),)

    def _asked_meanwhile(self) -> set[str]:
        asked = (CAPTURE_STARTED, REFUND_STARTED)
        return {
            orjson.loads(event.data)["reference"]
            for event in self._evidence.since("billing")
            if event.type in asked
        }

    def _judge(self, transfer: Transfer, seen: set[str]) -> None:
        reference = transfer.reference
        self._tally.check(reference not in seen, f"gateway {reference}", f"{transfer} made twice")
        seen.add(reference)
        asked = self._asked.get(reference)
        ours = asked is not None and asked.transfer == transfer and asked.id not in self._declined
        self._tally.check(
            ours, f"gateway {reference}", f"{transfer} is not one that we asked for and were not refused"
        )
