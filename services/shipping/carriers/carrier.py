"""What shipping needs of a carrier that is asked for labels."""

from __future__ import annotations

from typing import Protocol

from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided


class NoAnswer(Exception):
    """The carrier did not answer, or not in a way that says what it did: it may or may not have made the label."""


class Carrier(Protocol):
    """A carrier, idempotent by our reference. Every method raises `NoAnswer` when it cannot tell what happened."""

    async def open(self) -> None:
        """Get ready; called once, before anything is asked."""

    async def close(self) -> None:
        """Let go of connections."""

    async def buy(self, request: LabelRequest) -> Label | Refused:
        """A label. Asked again under the same reference, the carrier answers with the same label."""

    async def look_up(self, reference: str) -> Label | Refused | None:
        """What was answered under this reference before; None if the carrier never saw it."""

    async def void(self, reference: str) -> Voided | Refused:
        """Give the label back. Also well if there is none, or it was given back before."""
