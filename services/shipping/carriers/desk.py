"""The desk where labels are asked for: finds the carrier that a request names. Its methods are the effects' calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chassis.keys.ring import AS_IT_IS, Opens
from chassis.quotations import link_without_personal, quoting_nobody, without_personal
from contracts.frozen import replace
from contracts.personal import ERASED, personal_texts
from services.shipping.carriers.carrier import Carrier, NoAnswer
from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided, VoidRequest

FORGOTTEN = "the customer was forgotten: nobody can read the address any more"


class LabelDesk:
    """All carriers that are called, by name. Addresses are sealed until here."""

    def __init__(self, carriers: Mapping[str, Carrier], opens: Opens = AS_IT_IS) -> None:
        self._carriers = carriers
        self._opens = opens

    async def open(self) -> None:
        """Get every carrier ready."""
        await asyncio.gather(*(carrier.open() for carrier in self._carriers.values()))

    async def close(self) -> None:
        """Let go of every carrier."""
        await asyncio.gather(*(carrier.close() for carrier in self._carriers.values()))

    async def buy(self, key: str, request: LabelRequest) -> Label | Refused:
        """Ask for the label. Nothing is sent to who was forgotten."""
        readable = await self._opens.open(request)
        if ERASED in personal_texts(readable):
            return Refused(FORGOTTEN)
        carrier = self._carrier(request.carrier)
        with quoting_nobody(readable):
            return _quoting_nobody(await carrier.buy(readable), readable)

    async def look_up(self, key: str, request: LabelRequest) -> Label | Refused | None:
        """Ask whether the label was made already."""
        readable, carrier = await self._opens.open(request), self._carrier(request.carrier)
        with quoting_nobody(readable):
            answer = await carrier.look_up(request.reference)
        return _quoting_nobody(answer, readable) if answer else None

    async def void(self, key: str, request: VoidRequest) -> Voided | Refused:
        """Give the label back."""
        carrier = self._carrier(request.carrier)
        with quoting_nobody():
            answer = await carrier.void(request.reference)
        return Refused(without_personal(answer.reason, None)) if isinstance(answer, Refused) else answer

    def _carrier(self, name: str) -> Carrier:
        """The carrier; a call to one that is configured no longer stays pending until it is back."""
        carrier = self._carriers.get(name)
        if carrier is None:
            raise NoAnswer(
                f"no carrier {name!r} is configured that can be called: add [shipping.carriers.{name}]"
            )
        return carrier


def _quoting_nobody(answer: Label | Refused, request: LabelRequest) -> Label | Refused:
    """A carrier that quotes the address, in its refusal or its link, must not bring it into our history."""
    if isinstance(answer, Refused):
        return Refused(without_personal(answer.reason, request))
    return replace(answer, tracking_url=link_without_personal(answer.tracking_url, request))
