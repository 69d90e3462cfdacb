"""Every command of every service ends in an event that says who gave it: enumerated, so that none is forgotten."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from chassis.items import Discarded, Retried
from chassis.ops_routes import OpsRoutes
from contracts.event import Event
from contracts.orders import HoldReason
from contracts.parking import REFUSALS, SERVICES, CommandRefused
from contracts.rights import COMMANDS, OPEN
from services.billing.domain import commands as billing_commands
from services.inventory.domain import commands as inventory_commands
from services.inventory.domain.stock import Item
from services.orders.domain import commands as orders_commands
from services.shipping.domain import commands as shipping_commands
from tests.billing import makers as money
from tests.billing import test_refunding as refunds
from tests.billing import test_second_person as second_person
from tests.inventory import samples as stock
from tests.inventory import test_writing_off as write_offs
from tests.orders import situations
from tests.shipping import makers as parcels
from tests.spec import Spec

WHO = "the very person"
SIGNED = {"actor": WHO, "reason": "asked to"}


class Case(NamedTuple):
    """A command that is taken, and what happened before it."""

    service: Spec
    before: tuple[Event, ...]
    command: Any


def cases() -> Iterator[Case]:
    """One of each command."""
    yield from _of_orders()
    yield from _of_inventory()
    yield from _of_shipping()
    yield from _of_billing()


def _of_orders() -> Iterator[Case]:
    accepted, this = situations.AN_ORDER_ACCEPTED, situations.ID
    held = situations.held(HoldReason.MANUAL, "look first")
    yield Case(situations.spec, (), orders_commands.PlaceOrder(order=situations.ORDER, actor=WHO))
    yield Case(
        situations.spec, accepted, orders_commands.CancelOrder(order_id=this, actor=WHO, reason="asked to")
    )
    yield Case(
        situations.spec, accepted, orders_commands.PlaceHold(order_id=this, actor=WHO, note="look first")
    )
    release = orders_commands.ReleaseHold(order_id=this, reason=HoldReason.MANUAL, actor=WHO, note="seen")
    yield Case(situations.spec, (*accepted, held), release)
    forget = orders_commands.ForgetCustomer(key="k-1", orders=(this,), **SIGNED)
    yield Case(situations.spec, (), forget)


def _of_inventory() -> Iterator[Case]:
    item = Item("Lamp", "", 2000, "EUR", "standard", 0)
    row = inventory_commands.SkuRow(2, stock.LAMP, item)
    opening = inventory_commands.StockRow(2, stock.LAMP, stock.MAIN, 5)
    registered = (stock.registered(),)
    decision = write_offs.about(WHO)
    yield Case(stock.inventory, (), inventory_commands.RegisterSkus((row,), WHO, "skus.csv"))
    yield Case(stock.inventory, registered, inventory_commands.OpenStock((opening,), WHO, "stock.csv"))
    yield Case(stock.inventory, registered, stock.receive(3, actor=WHO))
    yield Case(stock.inventory, stock.in_stock(5), stock.adjust(-1, actor=WHO))
    waiting = (*write_offs.IN_STOCK, write_offs.asked(-4))
    yield Case(write_offs.LIMITED, waiting, inventory_commands.ApproveWriteOff(**decision))
    yield Case(write_offs.LIMITED, waiting, inventory_commands.DenyWriteOff(**decision))


def _of_shipping() -> Iterator[Case]:
    labelled = (parcels.granted(), parcels.planned(), parcels.own_label(parcels.DS1, 1))
    failed = (
        parcels.planned(carrier="sandbox"),
        parcels.requested(),
        parcels.failed("no", carrier="sandbox"),
    )
    service, order = parcels.shipping(), {"order_id": parcels.ORDER}
    yield Case(service, labelled, shipping_commands.DispatchFulfilment(**order, **SIGNED))
    yield Case(parcels.shipping(carrier="sandbox"), failed, shipping_commands.RetryLabel(**order, **SIGNED))
    scan = shipping_commands.RecordScan(
        **order,
        parcel_id=parcels.P1,
        scan_id="s1",
        code="in_transit",
        scanned_at=datetime(2026, 11, 22, tzinfo=UTC),
        actor=WHO,
    )
    yield Case(service, labelled, scan)
    block = {"carrier": "doorstep", "range_id": "more", "prefix": "DS", "suffix": "DE"}
    yield Case(service, (), shipping_commands.GrantRange(**block, first=1, last=9, **SIGNED))


def _of_billing() -> Iterator[Case]:
    order = {"order_id": money.ORDER}
    failed = (*second_person.CAPTURED, refunds.refund_started(), refunds.FAILED)
    decision = order | {"refund_id": refunds.REFUND} | SIGNED
    asked, limited = (*second_person.CAPTURED, second_person.asked()), second_person.billing()
    confirm = billing_commands.ConfirmRefund(**order, reference="re-9", **SIGNED)
    statement = billing_commands.ReportPayout(
        provider="shopify", payout_id="po-1", currency="EUR", total_minor=0, lines=(), actor=WHO
    )
    yield Case(money.billing, refunds.DUE_AT_CHANNEL, confirm)
    yield Case(money.billing, failed, billing_commands.RetryRefund(**order, **SIGNED))
    yield Case(limited, asked, billing_commands.ApproveRefund(**decision))
    yield Case(limited, asked, billing_commands.DenyRefund(**decision))
    yield Case(money.billing, (), statement)


CASES = {type(case.command): case for case in cases()}


def assembly_of(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("DOORSTEP_CONFIG", os.devnull)
    monkeypatch.setenv("DOORSTEP_SYSTEM__DATA", str(tmp_path))
    return import_module(f"services.{service}.wiring").build()


def test_each_command_of_each_service_is_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A new command that is not in the list above fails here."""
    known = {
        command
        for service in SERVICES
        for command in assembly_of(service, monkeypatch, tmp_path).service.on_command
    }
    assert known == set(CASES)


@pytest.mark.parametrize("command", CASES, ids=lambda command: command.__name__)
def test_an_event_says_who_gave_the_command(command: type) -> None:
    """Not only the log, which is gone after a while: whoever asks later, asks the events."""
    case = CASES[command]
    events = case.service.given(*case.before).when(case.command).events
    assert not any(isinstance(event, CommandRefused) for event in events), (
        "the case is to be one that is taken"
    )
    assert WHO in {getattr(event, "actor", "") for event in events}


def test_a_refused_command_says_it_too() -> None:
    """Who tried what they may not is worth knowing."""
    assert all(said.command_refused.model_fields["actor"].is_required() for said in REFUSALS.values())


def test_so_does_what_becomes_of_a_parked_message() -> None:
    """The chassis's own commands: what they make of the actor is in `test_park`."""
    for command in (Retried, Discarded):
        assert "actor" in {field.name for field in fields(command)}
    for said in REFUSALS.values():
        assert all(model.model_fields["actor"].is_required() for model in (said.retried, said.discarded))


def bodies_of(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Every path that takes a command, with the model its body is read with."""
    app = web.Application()
    app.add_routes(assembly_of(service, monkeypatch, tmp_path).routes(None))
    return {
        route.resource.canonical: getattr(route.handler, "takes", None)
        for route in app.router.routes()
        if route.method == "POST" and route.resource and route.resource.canonical not in OPEN
    }


@pytest.mark.parametrize("service", SERVICES)
def test_each_route_takes_the_actor(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the caller is known by name the door puts it there (`test_access`); otherwise the command says it."""
    found = bodies_of(service, monkeypatch, tmp_path)
    assert found.keys() == COMMANDS[service].keys()
    assert [path for path, body in found.items() if body is None or "actor" not in body.model_fields] == []


def test_so_do_the_routes_of_every_service() -> None:
    """Trying a parked message again, and letting it go."""
    handlers = {path.rpartition("/")[2]: path for path in COMMANDS["*"]}
    assert handlers.keys() == {"retry", "discard"}
    assert all("actor" in getattr(OpsRoutes, name).takes.model_fields for name in handlers)
