"""Shipping as data, and the only place that knows which carriers it calls."""

from __future__ import annotations

from chassis.declare import Effect, Kind, Service, Step
from chassis.http import Runtime
from chassis.keys.personal_data import opens, seals
from chassis.keys.ring import AS_IT_IS, Opens
from chassis.service import Assembly
from chassis.settings import CARRIER_PORT, DEFAULT_PORT_BASE, section, system
from contracts.orders import CancellationRequested, OrderReleased
from services.shipping import http, measures, pending, reactions
from services.shipping.carriers.desk import LabelDesk
from services.shipping.carriers.http_carrier import HttpCarrier
from services.shipping.domain.commands import DispatchFulfilment, GrantRange, RecordScan, RetryLabel
from services.shipping.domain.evolving import evolve_fulfilment
from services.shipping.domain.fulfilment import Fulfilment
from services.shipping.domain.number_range import NumberRange, evolve_range, range_entity
from services.shipping.places import PLACES, of_fulfilment, of_fulfilment_and_range, of_range
from services.shipping.settings import CarrierSettings, ShippingSettings, ShopSettings, policies_of

FIRST_RANGE = "first"
"""The id of the block that is granted when a carrier's range is empty."""


def declare(
    settings: ShippingSettings,
    shop: ShopSettings | None = None,
    port_base: int = DEFAULT_PORT_BASE,
    desk: LabelDesk | None = None,
) -> Service:
    """The service's table. Pure: opens and touches nothing."""
    desk = desk or desk_of(settings, port_base)
    return Service(
        name="shipping",
        kinds=(
            Kind(
                "fulfilment", Fulfilment, evolve_fulfilment,
                timers=pending.timers_of, calls=pending.calls_of, tags=pending.tags_of,
            ),
            Kind("range", NumberRange, evolve_range),
        ),
        places=PLACES,
        on_event={
            OrderReleased: Step(
                reactions.when_order_released_then_plan_and_label, of_fulfilment_and_range(settings.carrier)
            ),
            CancellationRequested: Step(reactions.when_cancellation_requested_then_stop, of_fulfilment),
        },
        on_command={
            DispatchFulfilment: Step(reactions.dispatch_fulfilment, of_fulfilment),
            RetryLabel: Step(reactions.retry_label, of_fulfilment),
            RecordScan: Step(reactions.keep_scan, of_fulfilment),
            GrantRange: Step(reactions.grant_range, of_range),
        },
        on_timer={f"fulfilment.{pending.HAND_OVER}": reactions.when_hand_over_is_due_then_dispatch},
        effects={
            pending.LABEL: Effect(
                call=desk.buy,
                ask=desk.look_up,
                then=reactions.when_label_answered_then_keep_it,
                at_once=settings.calls_at_once,
            ),
            pending.VOID: Effect(
                call=desk.void,
                then=reactions.when_void_answered_then_note_it,
                at_once=settings.calls_at_once,
            ),
        },
        policies=policies_of(settings, shop or ShopSettings(), port_base),
    )  # fmt: skip


def build() -> Assembly:
    """Shipping as configured, ready to run."""
    settings, shop = section("shipping", ShippingSettings), section("shop", ShopSettings)
    port_base = system().port_base
    readers = opens("shipping")
    desk = desk_of(settings, port_base, readers)

    async def open_desk(_: Runtime) -> None:
        await desk.open()

    async def grant_first_ranges(runtime: Runtime) -> None:
        for command in first_grants(settings, shop):
            if await runtime.state(range_entity(command.carrier)) is None:
                await runtime.execute(command)

    return Assembly(
        service=declare(settings, shop, port_base, desk),
        routes=lambda runtime: http.routes(runtime, readers, seals()),
        on_start=(open_desk, grant_first_ranges),
        on_stop=(desk.close,),
        measure=measures.labels,
    )


def desk_of(settings: ShippingSettings, port_base: int, opens: Opens = AS_IT_IS) -> LabelDesk:
    """The carriers that are called over HTTP; without a URL, the sandbox of this system."""
    sandbox = f"http://127.0.0.1:{port_base + CARRIER_PORT}"
    return LabelDesk(
        {
            name: HttpCarrier(
                carrier.url or sandbox, carrier.token.get_secret_value(), carrier.timeout_seconds
            )
            for name, carrier in settings.known_carriers.items()
            if carrier.kind == "http"
        },
        opens,
    )


def first_grants(settings: ShippingSettings, shop: ShopSettings) -> tuple[GrantRange, ...]:
    """The blocks to begin with, one for each carrier with a range of its own."""
    return tuple(
        _first_grant(name, carrier, shop)
        for name, carrier in settings.known_carriers.items()
        if carrier.kind == "own_range"
    )


def _first_grant(name: str, carrier: CarrierSettings, shop: ShopSettings) -> GrantRange:
    country = shop.country if len(shop.country) == 2 else "ZZ"
    return GrantRange(
        carrier=name,
        range_id=FIRST_RANGE,
        prefix=carrier.prefix,
        suffix=carrier.suffix or country.upper(),
        first=carrier.first,
        last=carrier.last,
        actor="doorstep",
        reason="the block of the settings, granted at the first start",
    )
