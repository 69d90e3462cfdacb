"""Carriers, gateways and mail servers that quote the customer: nothing of it comes into our history or our logs."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis.keys.master import MasterKey
from chassis.keys.ring import KeyRing, Sealer
from chassis.keys.sqlite import SQLiteKeys
from contracts.address import Address, Recipient
from contracts.frozen import replace
from services.billing.domain.answers import CaptureCall, Captured, Declined, RefundCall, Refunded
from services.billing.gateways.gateway import GatewayContradicts
from services.billing.gateways.opening_gateway import OpeningGateway
from services.notify.courier import Courier
from services.notify.domain.letters import Letter, Rejected, Sent
from services.notify.mime import Mailbox
from services.notify.senders.sender import Message
from services.notify.senders.smtp import NotTaken
from services.shipping.carriers.carrier import NoAnswer
from services.shipping.carriers.desk import LabelDesk
from services.shipping.domain.answers import Label, LabelRequest, Refused, Voided, VoidRequest

CANARY, SURNAME, STREET = "Zyxwanda", "Qrstulfson", "Vuxhofweg"
EMAIL = f"{CANARY}.{SURNAME}@Canary.example"
HOME = Address(name=f"{CANARY} {SURNAME}", line1=f"{STREET} 3", city="Yxstadt", postcode="QX99", country="DE")
SAID = f"no {STREET.upper()} in yxstadt for {SURNAME.lower()}, write to <{EMAIL.lower()}>"


@dataclass
class Outside:
    """A carrier, a gateway and a mail server in one. `refuses`: for good; else it fails, with the same words."""

    refuses: bool = True

    def _declined(self, reference: str) -> Declined:
        if self.refuses:
            return Declined(reference, SAID)
        raise GatewayContradicts(SAID)

    async def capture(self, call: CaptureCall) -> Captured | Declined:
        return self._declined(call.reference)

    async def look_up(self, call: CaptureCall) -> Captured | Declined | None:
        return self._declined(call.reference)

    async def refund(self, call: RefundCall) -> Refunded | Declined:
        return self._declined(call.reference)

    async def look_up_refund(self, call: RefundCall) -> Refunded | Declined | None:
        return self._declined(call.reference)


@dataclass
class QuotingCarrier:
    """Refuses, fails, or makes a label whose link says where the parcel goes."""

    refuses: bool = True
    link: str = ""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def buy(self, request: LabelRequest) -> Label | Refused:
        return self._answer(request.reference)

    async def look_up(self, reference: str) -> Label | Refused | None:
        return self._answer(reference)

    async def void(self, reference: str) -> Voided | Refused:
        if self.refuses:
            return Refused(f"ask {EMAIL}")
        raise NoAnswer(f"ask {EMAIL}")

    def _answer(self, reference: str) -> Label | Refused:
        if self.link:
            return Label(reference, "TR1", self.link)
        if self.refuses:
            return Refused(SAID)
        raise NoAnswer(SAID)


@dataclass
class QuotingMail:
    """A mail server that says whom it does not take."""

    refuses: bool = True

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: Message) -> Sent | Rejected:
        if self.refuses:
            return Rejected(f"550 <{message.to.upper()}> unknown; sent by orders@shop.example")
        raise NotTaken(f"451 <{message.to}>: greylisted")

    async def was_sent(self, message_id: str) -> bool | None:
        return None


@pytest.fixture
def keys(tmp_path: Path) -> SQLiteKeys:
    return SQLiteKeys(tmp_path / "keys.sqlite", lambda: MasterKey(bytes(32)))


async def said_by(asked: Awaitable[object]) -> str:
    """What it answers or fails with, as it would be kept and logged."""
    try:
        return repr(await asked)
    except Exception as fault:  # noqa: BLE001 - whatever it is would be logged
        return repr(fault)


def names_somebody(said: str) -> bool:
    return any(word.lower() in said.lower() for word in (CANARY, SURNAME, STREET, "yxstadt", "qx99"))


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_gateway_that_quotes_the_customer(keys: SQLiteKeys, refuses: bool) -> None:
    """At once, or asked later what became of it: the reason is kept in `PaymentFailed` and `PaymentInDoubt`."""
    sealed = await Sealer(keys).seal(Recipient(email=EMAIL), entity="order/shop:1", owner=EMAIL)
    gateway = OpeningGateway(Outside(refuses), KeyRing(keys, "test"))
    call = CaptureCall("pay-1", 100, "EUR", sealed.email)
    for asked in (gateway.capture(call), gateway.look_up(call)):
        said = await said_by(asked)
        assert "write to" in said
        assert CANARY.lower() not in said.lower()
        assert EMAIL.partition("@")[0].lower() not in said.lower()
    back = RefundCall("ref-1", "pay-1", 100, "EUR")
    for giving in (gateway.refund(back), gateway.look_up_refund(back)):
        assert "canary.example" not in (await said_by(giving)).lower()


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_carrier_that_quotes_the_customer(keys: SQLiteKeys, refuses: bool) -> None:
    """In capitals or in small letters: the reason is kept in `LabelFailed` and `LabelVoided`."""
    sealed = await Sealer(keys).seal(HOME, entity="order/shop:1")
    request = LabelRequest("posty", "p1-1", "shop:1", "p1", 500, sealed)
    desk = LabelDesk({"posty": QuotingCarrier(refuses)}, KeyRing(keys, "test"))
    for asked in (
        desk.buy("p1-1", request),
        desk.look_up("p1-1", request),
        desk.void("p1-1", VoidRequest("posty", "p1-1")),
    ):
        said = await said_by(asked)
        assert not names_somebody(said), said


async def test_a_link_to_the_parcel_is_kept_without_the_postcode(keys: SQLiteKeys) -> None:
    """It goes into `LabelBought`, `ParcelDispatched` and `NotificationQueued`, none of which is sealed."""
    sealed = await Sealer(keys).seal(HOME, entity="order/shop:1")
    request = LabelRequest("posty", "p1-1", "shop:1", "p1", 500, sealed)
    carrier = QuotingCarrier(link=f"https://t.example/?n=TR1&zip=QX99&to={CANARY}%20{SURNAME}")
    desk = LabelDesk({"posty": carrier}, KeyRing(keys, "test"))
    for label in (await desk.buy("p1-1", request), await desk.look_up("p1-1", request)):
        assert label == Label("p1-1", "TR1", "https://t.example/?n=TR1")


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_mail_server_that_quotes_the_customer(keys: SQLiteKeys, refuses: bool) -> None:
    """For good in capitals (`NotificationFailed`), or for now (the log). Our own address may stand there."""
    to = await Sealer(keys).seal(Recipient(name=HOME.name, email=EMAIL), entity="order/shop:1", owner=EMAIL)
    letter = replace(LETTER, name=to.name, email=to.email)
    courier = Courier(
        Mailbox("Shop", "orders@shop.example"), QuotingMail(refuses), opens=KeyRing(keys, "test")
    )
    said = await said_by(courier.send("n-1", letter))
    assert not names_somebody(said), said
    assert ("orders@shop.example" in said) is refuses


LETTER = Letter(
    template="order_confirmed",
    version=1,
    locale="en",
    name="",
    email="",
    facts={"order": "1", "total": "1.00 EUR", "units": "1"},
)
