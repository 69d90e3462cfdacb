"""Inventory as data: what it keeps, and what it does on each message, command and timer."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from chassis.declare import Kind, Service, Step
from chassis.http import Runtime
from chassis.service import Assembly
from chassis.settings import section
from contracts.catalogue import STREAMS
from contracts.orders import OrderAccepted, OrderCancelled
from contracts.shipping import ParcelDispatched
from services.inventory import http, imports, measures
from services.inventory.domain import (
    booking,
    opening,
    references,
    registering,
    reservation,
    stock,
    writing_off,
)
from services.inventory.domain.commands import (
    AdjustStock,
    ApproveWriteOff,
    DenyWriteOff,
    OpenStock,
    ReceiveStock,
    RegisterSkus,
)
from services.inventory.domain.names import REFERENCE, RESERVATION, SKU, WRITE_OFF
from services.inventory.places import PLACES, of_adjustment, of_receipt, of_rows
from services.inventory.reactions import (
    when_order_accepted_then_reserve_stock as reserving,
)
from services.inventory.reactions import (
    when_order_cancelled_then_release_stock as releasing,
)
from services.inventory.reactions import (
    when_parcel_dispatched_then_dispatch_stock as dispatching,
)
from services.inventory.reactions import (
    when_period_ends_then_announce_availability as announcing,
)
from services.inventory.reactions import (
    when_reservation_runs_out_then_free_stock as expiring,
)
from services.inventory.settings import InventorySettings, policies_of


def declare(settings: InventorySettings) -> Service:
    """The service's table. Pure: opens and touches nothing."""
    return Service(
        name="inventory",
        kinds=(
            Kind(SKU, stock.Stock, stock.evolve, timers=stock.timers, tags=stock.tags, lasting=True),
            Kind(
                RESERVATION,
                reservation.Reservation,
                reservation.evolve,
                timers=reservation.timers,
                tags=reservation.tags,
            ),
            Kind(REFERENCE, references.Booked, references.evolve),
            Kind(WRITE_OFF, writing_off.WriteOff, writing_off.evolve, tags=writing_off.tags),
        ),
        places=PLACES,
        on_event={
            OrderAccepted: Step(reserving.when_order_accepted_then_reserve_stock, reserving.needs),
            OrderCancelled: Step(releasing.when_order_cancelled_then_release_stock, releasing.needs),
            ParcelDispatched: Step(dispatching.when_parcel_dispatched_then_dispatch_stock, dispatching.needs),
        },
        on_command={
            RegisterSkus: Step(registering.register_skus, of_rows),
            OpenStock: Step(opening.open_stock, of_rows),
            ReceiveStock: Step(booking.receive_stock, of_receipt),
            AdjustStock: Step(booking.adjust_stock, of_adjustment),
            ApproveWriteOff: Step(writing_off.approve_write_off, of_adjustment),
            DenyWriteOff: Step(writing_off.deny_write_off, of_adjustment),
        },
        on_timer={
            "reservation.expiry": expiring.when_reservation_runs_out_then_free_stock,
            "sku.announce": announcing.when_period_ends_then_announce_availability,
        },
        gathers={STREAMS["shipping"]: 0.06},  # the parcel has left: nobody waits for what follows
        policies=policies_of(settings),
    )


def build() -> Assembly:
    """Inventory as configured, ready to run."""
    return Assembly(
        service=declare(section("inventory", InventorySettings)), routes=_routes, measure=measures.stock
    )


def _routes(runtime: Runtime) -> Sequence[web.RouteDef]:
    return (*http.routes(runtime), *imports.routes(runtime))
