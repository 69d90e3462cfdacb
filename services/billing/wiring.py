"""Billing as data, and the only place that knows which gateway it uses."""

from __future__ import annotations

from chassis.declare import Kind, Service
from chassis.http import Runtime
from chassis.keys.personal_data import opens
from chassis.service import Assembly
from chassis.settings import GATEWAY_PORT, section, system
from contracts.catalogue import STREAMS
from services.billing import http, measures, reactions
from services.billing.domain import invoicing, ledger, payment, payment_history, payout
from services.billing.domain.invoicing import Series
from services.billing.domain.ledger import Ledger
from services.billing.domain.payment import Payment
from services.billing.domain.payout import Payout
from services.billing.gateways.gateway import Gateway
from services.billing.gateways.http_gateway import HttpGateway
from services.billing.gateways.opening_gateway import OpeningGateway
from services.billing.places import PLACES
from services.billing.settings import BillingSettings, ShopSettings, policies_of

DEFAULT_SHOP = ShopSettings()
STATEMENT_BYTES_MAX = 8 * 1024 * 1024
"""A payout of the most lines that a statement may have."""


def declare(
    settings: BillingSettings, shop: ShopSettings = DEFAULT_SHOP, gateway: Gateway | None = None
) -> Service:
    """The service's table. Pure: opens and touches nothing."""
    policies = policies_of(settings, shop)
    return Service(
        name="billing",
        kinds=(
            Kind("payment", Payment, payment_history.evolve, calls=reactions.calls, tags=payment.tags),
            Kind("series", Series, invoicing.count_up),
            Kind("payout", Payout, payout.evolve, tags=payout.tags),
            Kind("ledger", Ledger, ledger.evolve, tags=ledger.tags),
        ),
        places=PLACES,
        on_event=reactions.steps_on_event(policies.series),
        on_command=reactions.steps_on_command(policies.channel_of),
        effects=reactions.effects(gateway or gateway_of(settings), settings.gateway_calls_at_once),
        gathers={STREAMS["shipping"]: 0.06},  # the parcel has left: nobody waits for what follows
        policies=policies,
    )


def build() -> Assembly:
    """Billing as configured, ready to run."""
    settings, shop = section("billing", BillingSettings), section("shop", ShopSettings)
    gateway, readers = gateway_of(settings), opens("billing")

    async def open_gateway(_: Runtime) -> None:
        await gateway.open()

    return Assembly(
        service=declare(settings, shop, OpeningGateway(gateway, readers)),
        routes=lambda runtime: http.routes(runtime, readers),
        on_start=(open_gateway,),
        on_stop=(gateway.close,),
        body_bytes_max=STATEMENT_BYTES_MAX,
        measure=measures.money,
    )


def gateway_of(settings: BillingSettings) -> HttpGateway:
    """The configured gateway; the sandbox of this system where no URL is given."""
    url = settings.gateway_url or f"http://127.0.0.1:{system().port_base + GATEWAY_PORT}"
    return HttpGateway(url, settings.gateway_connect_seconds, settings.gateway_read_seconds)
