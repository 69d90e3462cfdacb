"""Billing as data, and the only place that knows which gateway it uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chassis.declare import Kind, Service
from chassis.http import Runtime
from chassis.service import Assembly
from chassis.settings import GATEWAY_PORT, section, system
from contracts import billing
from contracts.event import Event
from contracts.parking import REFUSALS
from services.billing import http, measures, reactions
from services.billing.domain import invoicing, ledger, payment, payment_history, payout
from services.billing.domain.invoicing import Series, series_entity
from services.billing.domain.ledger import Ledger, ledger_entity
from services.billing.domain.payment import Payment, payment_entity
from services.billing.domain.payout import Payout, payout_entity
from services.billing.gateways.gateway import Gateway
from services.billing.gateways.http_gateway import HttpGateway
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
        policies=policies,
    )


def build() -> Assembly:
    """Billing as configured, ready to run."""
    settings, shop = section("billing", BillingSettings), section("shop", ShopSettings)
    gateway = gateway_of(settings)

    async def open_gateway(_: Runtime) -> None:
        await gateway.open()

    return Assembly(
        service=declare(settings, shop, gateway),
        routes=http.routes,
        on_start=(open_gateway,),
        on_stop=(gateway.close,),
        body_bytes_max=STATEMENT_BYTES_MAX,
        measure=measures.money,
    )


def gateway_of(settings: BillingSettings) -> HttpGateway:
    """The configured gateway; the sandbox of this system where no URL is given."""
    url = settings.gateway_url or f"http://127.0.0.1:{system().port_base + GATEWAY_PORT}"
    return HttpGateway(url, settings.gateway_connect_seconds, settings.gateway_read_seconds)


def _payment(event: billing.PaymentDue) -> tuple[str, ...]:
    return (payment_entity(event.order_id),)


def _payment_and_ledger(event: billing.PaymentCaptured | billing.PaymentRefunded) -> tuple[str, ...]:
    return (payment_entity(event.order_id), ledger_entity(event.entry.currency))


def _invoice(event: billing.InvoiceIssued) -> tuple[str, ...]:
    return (payment_entity(event.order_id), series_entity(event.series), ledger_entity(event.entry.currency))


def _payout(event: billing.PayoutReported) -> tuple[str, ...]:
    return (payout_entity(event.provider, event.payout_id),)


def _payout_and_ledger(event: billing.PayoutReconciled | billing.PayoutUnexplained) -> tuple[str, ...]:
    return (payout_entity(event.provider, event.payout_id), ledger_entity(event.entry.currency))


COMMAND_REFUSED = REFUSALS["billing"].command_refused

PLACES: dict[type[Event], Callable[[Any], tuple[str, ...]]] = {
    billing.PaymentDue: _payment,
    billing.CaptureStarted: _payment,
    billing.PaymentInDoubt: _payment,
    billing.PaymentCaptured: _payment_and_ledger,
    billing.PaymentFailed: _payment,
    billing.PaymentClosed: _payment,
    billing.RefundRequested: _payment,
    billing.RefundApproved: _payment,
    billing.RefundDenied: _payment,
    billing.RefundStarted: _payment,
    billing.PaymentRefunded: _payment_and_ledger,
    billing.RefundFailed: _payment,
    billing.InvoiceIssued: _invoice,
    billing.PayoutReported: _payout,
    billing.PayoutReconciled: _payout_and_ledger,
    billing.PayoutUnexplained: _payout_and_ledger,
    COMMAND_REFUSED: lambda event: (event.entity,),
}
"""The entities that each event changes, its home first."""
