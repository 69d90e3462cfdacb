"""Notify as data, and the only place that knows which mail system it uses."""

from __future__ import annotations

from pathlib import Path

from chassis.declare import Effect, Kind, Service, Step
from chassis.http import Runtime
from chassis.keys.personal_data import opens
from chassis.keys.ring import AS_IT_IS, Opens
from chassis.service import Assembly
from chassis.settings import section, system
from contracts.billing import PaymentRefunded
from contracts.catalogue import sources_of
from contracts.orders import OrderAccepted
from contracts.shipping import ParcelDispatched
from services.notify import http, reactions
from services.notify.courier import Courier
from services.notify.domain.letters import Letters, evolve, tags
from services.notify.domain.policies import Policies
from services.notify.mime import Mailbox
from services.notify.places import PLACES, of_letters
from services.notify.senders.maildir import Maildir
from services.notify.senders.sender import Sender
from services.notify.senders.smtp import Server, Smtp
from services.notify.settings import AT_ONCE, Settings, Shop


def declare(settings: Settings, shop: Shop | None = None, courier: Courier | None = None) -> Service:
    """The service's table. Pure: opens and touches nothing."""
    shop = shop or Shop()
    courier = courier or courier_of(settings, shop, Path())
    return Service(
        name="notify",
        kinds=(Kind("letters", Letters, evolve, calls=reactions.calls, tags=tags),),
        places=PLACES,
        on_event={
            OrderAccepted: Step(reactions.when_order_accepted_then_confirm, of_letters),
            ParcelDispatched: Step(reactions.when_parcel_dispatched_then_tell, of_letters),
            PaymentRefunded: Step(reactions.when_payment_refunded_then_tell, of_letters),
        },
        effects={
            "send": Effect(
                call=courier.send,
                ask=courier.was_sent,
                then=reactions.when_mail_answered,
                at_once=settings.at_once or AT_ONCE[settings.transport],
                patient=True,
            ),
        },
        gathers=dict.fromkeys(sources_of("notify"), 0.5),  # mail is read later than that
        policies=Policies(shop.name, settings.carrier_names),
    )


def build() -> Assembly:
    """Notify as configured, ready to run."""
    settings, shop = section("notify", Settings), section("shop", Shop)
    readers = opens("notify")
    courier = courier_of(settings, shop, system().data, readers)

    async def open_mail(_: Runtime) -> None:
        await courier.mail.open()

    return Assembly(
        service=declare(settings, shop, courier),
        routes=lambda runtime: http.routes(runtime, readers),
        on_start=(open_mail,),
        on_stop=(courier.mail.close,),
    )


def courier_of(settings: Settings, shop: Shop, data: Path, opens: Opens = AS_IT_IS) -> Courier:
    """The courier for the configured mail system; a relative maildir lies under the data folder."""
    sender = Mailbox(shop.name, settings.from_address)
    return Courier(sender, _mail_system(settings, data), opens=opens)


def _mail_system(settings: Settings, data: Path) -> Sender:
    if settings.transport == "maildir":
        return Maildir(data / settings.maildir)
    smtp = settings.smtp
    return Smtp(
        Server(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            username=smtp.username,
            password=smtp.password.get_secret_value(),
            timeout_seconds=smtp.timeout_seconds,
            sender=settings.from_address,
        )
    )
