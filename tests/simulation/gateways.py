"""The outside, in memory: a payment gateway, a carrier and a mail system that really keep books.

The books of gateway and carrier are the sandboxes' own (`accounts.py`, `sandbox_books.py`), so what is idempotent there
is idempotent here. Around them stands a mood: what was asked is refused, fails before it is done, or is done and
not answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ops.verify.truth import Transfer
from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.accounts import Accounts
from services.billing.gateways.gateway import GatewayUnavailable
from services.notify.domain.letters import Rejected, Sent
from services.notify.senders.sender import Message
from services.shipping.carriers.carrier import NoAnswer
from services.shipping.carriers.sandbox_books import Books, Purchase
from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided

DONE = {"charge": "captured", "refund": "refunded"}


@dataclass
class Mood:
    """How often something goes wrong outside, each between 0 and 1."""

    random: Random
    declines: float = 0.0
    fails: float = 0.0
    answers_lost: float = 0.0

    def refuses(self) -> bool:
        """Whether this one is refused for good."""
        return self.random.random() < self.declines

    async def tried[T](self, act: Callable[[], Awaitable[T]], lost: type[Exception]) -> T:
        """Do it, unless it fails before; and keep the answer back, if it is to be lost."""
        if self.random.random() < self.fails:
            raise lost("failed before anything was done")
        done = await act()
        if self.random.random() < self.answers_lost:
            raise lost("done, and nobody was told")
        return done


@dataclass
class Truth:
    """What was really done, oldest first: a `TruthLog` whose disk is memory."""

    records: list[dict[str, Any]] = field(default_factory=list)

    async def append(self, record: dict[str, Any]) -> None:
        """Done."""
        self.records.append(record)

    async def settled(self) -> None:
        """Everything is on disk at once."""


class MemoryGateway:
    """A `Gateway`."""

    def __init__(self, mood: Mood) -> None:
        self.truth = Truth()
        self.accounts = Accounts(self.truth)  # type: ignore[arg-type]
        self._mood = mood

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        """Collect, once under each reference."""
        record = await self._tried("charge", call)
        return _captured(record)

    async def look_up(self, call: CaptureCall) -> Captured | Declined | None:
        """What became of a capture."""
        record = await self._found(self.accounts.charges, call.reference)
        return _captured(record) if record else None

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        """Give back, once under each reference."""
        record = await self._tried("refund", call)
        return _refunded(record)

    async def look_up_refund(self, call: RefundCall) -> Refunded | Declined | None:
        """What became of a refund."""
        record = await self._found(self.accounts.refunds, call.reference)
        return _refunded(record) if record else None

    async def _found(self, records: dict[str, dict[str, Any]], reference: str) -> dict[str, Any] | None:
        async def look() -> dict[str, Any] | None:
            return records.get(reference)

        return await self._mood.tried(look, GatewayUnavailable)

    async def _tried(self, of: str, call: CaptureCall | RefundCall) -> dict[str, Any]:
        async def move() -> dict[str, Any]:
            known = self.accounts.known(of, call.reference, call.amount_minor, call.currency)
            return known or await self.accounts.write(self._record(of, call))

        return await self._mood.tried(move, GatewayUnavailable)

    def _record(self, of: str, call: CaptureCall | RefundCall) -> dict[str, Any]:
        refused = self._mood.refuses() or self._is_too_much(call)
        return {
            "of": of,
            "reference": call.reference,
            "amount_minor": call.amount_minor,
            "currency": call.currency,
            "status": "declined" if refused else DONE[of],
            "id": f"{of}-{len(self.truth.records) + 1}",
            "charge_reference": getattr(call, "capture_reference", ""),
        }

    def _is_too_much(self, call: CaptureCall | RefundCall) -> bool:
        if isinstance(call, CaptureCall):
            return False
        return call.amount_minor > self.accounts.refundable(call.capture_reference)

    def transfers(self) -> list[Transfer]:
        """What the auditor holds our books against."""
        return [
            Transfer(r["of"], r["reference"], r["currency"], r["amount_minor"])
            for r in self.truth.records
            if r["status"] != "declined"
        ]


class MemoryCarrier:
    """A `Carrier`."""

    def __init__(self, mood: Mood) -> None:
        self.truth = Truth()
        self._books = Books(self.truth)  # type: ignore[arg-type]
        self._mood = mood

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def buy(self, request: LabelRequest) -> Label | Refused:
        """A label, the same one under the same reference."""

        async def sell() -> dict[str, Any]:
            if self._mood.refuses():
                return await self._books.refuse(request.reference, "the carrier does not go there")
            return await self._books.sell(Purchase(request.reference, request.parcel_id, request.weight_g))

        return _label(await self._mood.tried(sell, NoAnswer))

    async def look_up(self, reference: str) -> Label | Refused | None:
        """What stands under a reference."""
        found = await self._mood.tried(lambda: self._books.answer_to(reference), NoAnswer)
        return _label(found) if found else None

    async def void(self, reference: str) -> Voided | Refused:
        """Give it back."""
        await self._mood.tried(lambda: self._books.void(reference), NoAnswer)
        return Voided()


class MemoryMail:
    """A `Sender` as a maildir is one: the same message twice is one file."""

    def __init__(self, mood: Mood) -> None:
        self.files: dict[str, str] = {}
        self._mood = mood

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, message: Message) -> Sent | Rejected:
        """Put it into the box."""

        async def deliver() -> Sent:
            self.files[message.id] = message.to
            return Sent(f"<{message.id}>")

        return await self._mood.tried(deliver, OSError)

    async def was_sent(self, message_id: str) -> bool | None:
        """Whether it lies there."""

        async def look() -> bool:
            return message_id in self.files

        return await self._mood.tried(look, OSError)


def _captured(record: dict[str, Any]) -> Captured | Declined:
    if record["status"] == "declined":
        return Declined(record["reference"], "card_declined")
    return Captured(record["reference"], record["id"], record["amount_minor"], record["currency"])


def _refunded(record: dict[str, Any]) -> Refunded | Declined:
    if record["status"] == "declined":
        return Declined(record["reference"], "refund_declined")
    return Refunded(record["reference"], record["id"], record["amount_minor"], record["currency"])


def _label(entry: dict[str, Any]) -> Label | Refused:
    if refused := entry.get("refused"):
        return Refused(refused)
    number, cost = entry["tracking_number"], entry["cost_minor"]
    return Label(entry["reference"], number, "", cost, entry["currency"])
