"""The desk where labels are asked for: finds the carrier that a request names. Its methods are the effects'
calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from services.shipping.carriers.carrier import Carrier, NoAnswer
from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided, VoidRequest


class LabelDesk:
    """All carriers that are called, by name."""

    def __init__(self, carriers: Mapping[str, Carrier]) -> None:
        self._carriers = carriers

    async def open(self) -> None:
        """Get every carrier ready."""
        await asyncio.gather(*(carrier.open() for carrier in self._carriers.values()))

    async def close(self) -> None:
        """Let go of every carrier."""
        await asyncio.gather(*(carrier.close() for carrier in self._carriers.values()))

    async def buy(self, key: str, request: LabelRequest) -> Label | Refused:
        """Ask for the label."""
        return await self._carrier(request.carrier).buy(request)

    async def look_up(self, key: str, request: LabelRequest) -> Label | Refused | None:
        """Ask whether the label was made already."""
        return await self._carrier(request.carrier).look_up(request.reference)

    async def void(self, key: str, request: VoidRequest) -> Voided | Refused:
        """Give the label back."""
        return await self._carrier(request.carrier).void(request.reference)

    def _carrier(self, name: str) -> Carrier:
        """The carrier; a call to one that is configured no longer stays pending until it is back."""
        carrier = self._carriers.get(name)
        if carrier is None:
            raise NoAnswer(
                f"no carrier {name!r} is configured that can be called: add [shipping.carriers.{name}]"
            )
        return carrier
