"""How an order is shown: the words for its money and its parcels, at every stage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from chassis.settings import SettingsWrong
from contracts import orders
from contracts.event import Event
from contracts.orders import HoldReason
from contracts.placed_order import Units
from services.orders.settings import ChannelSettings, OrdersSettings, channels, policies_of
from services.orders.views import fulfilment_state, order_shape, payment_state
from tests.orders.situations import (
    AN_ORDER_ACCEPTED,
    AN_ORDER_BILLED,
    AN_ORDER_CANCELLED,
    AN_ORDER_FULFILLED,
    AN_ORDER_PAID,
    AN_ORDER_RELEASED,
    ENTITY,
    FULFILLED,
    ID,
    LAMP,
    accepted,
    cancelled,
    handed_over,
    held,
    payment_awaited,
    spec,
)


def refund(amount_minor: int) -> Event:
    return orders.RefundConfirmed(order_id=ID, refund_id=f"r{amount_minor}", amount_minor=amount_minor)


DELIVERED = orders.ParcelProgressed(order_id=ID, parcel_id="p1", milestone="delivered")


@pytest.mark.parametrize(
    ("history", "payment", "fulfilment"),
    [
        (AN_ORDER_ACCEPTED, "unpaid", "not_started"),
        ((*AN_ORDER_ACCEPTED, payment_awaited()), "awaiting_channel", "not_started"),
        ((*AN_ORDER_ACCEPTED, payment_awaited(), cancelled("no", "mira")), "unpaid", "cancelled"),
        (AN_ORDER_BILLED, "pending", "not_started"),
        ((*AN_ORDER_BILLED, held(HoldReason.PAYMENT_FAILED, "declined")), "failed", "not_started"),
        (AN_ORDER_PAID, "captured", "not_started"),
        (AN_ORDER_RELEASED, "captured", "released"),
        (
            (*AN_ORDER_RELEASED, handed_over("p1", Units(sku=LAMP, quantity=1))),
            "captured",
            "partially_dispatched",
        ),
        (AN_ORDER_FULFILLED, "captured", "dispatched"),
        ((*AN_ORDER_FULFILLED, DELIVERED), "captured", "delivered"),
        ((*AN_ORDER_FULFILLED, refund(290)), "partially_refunded", "dispatched"),
        ((*AN_ORDER_PAID, cancelled("sorry", "mira"), refund(6290)), "refunded", "cancelled"),
        ((*AN_ORDER_PAID, FULFILLED), "captured", "none"),
    ],
)
def test_money_and_parcels_have_their_own_words(
    history: tuple[Event, ...], payment: str, fulfilment: str
) -> None:
    """Three axes, not one status that mixes them (reference 4.1, lesson a)."""
    order = spec.given(*history).world.states[ENTITY]
    assert (payment_state(order), fulfilment_state(order)) == (payment, fulfilment)


@pytest.mark.parametrize("history", [AN_ORDER_RELEASED, AN_ORDER_CANCELLED, AN_ORDER_FULFILLED])
def test_nobody_is_described_by_what_is_shown(history: tuple[Event, ...]) -> None:
    """Name, address and mail stay inside; the lines are shown to the end."""
    shown = order_shape(spec.given(*history).world.states[ENTITY])
    assert not any(part in repr(shown) for part in ("Ada", "Linden", "example.com"))
    assert [line["sku"] for line in shown["lines"]] == ["LAMP", "BULB"]


def test_a_released_order_that_lost_its_stock_is_shown_as_held() -> None:
    """The axis says how far it came, the state what people have to look at."""
    lost = (*AN_ORDER_RELEASED, accepted(2), held(HoldReason.STOCK_SHORT, "LAMP: 1 asked, 0 available"))
    shown = order_shape(spec.given(*lost).world.states[ENTITY])
    assert (shown["state"], shown["axis"]) == ("held", "released")


def test_channels_are_tables_with_secrets_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[channels.<name>]`, each value overridable."""
    config = tmp_path / "doorstep.toml"
    config.write_text(
        '[channels.shopify]\nkind = "shopify"\n[channels.till]\nkind = "canonical"\npayment = "gateway"\n'
    )
    monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
    monkeypatch.setenv("DOORSTEP_CHANNELS__SHOPIFY__SECRET", "s3cret")
    known = channels()
    assert known == {
        "shopify": ChannelSettings(kind="shopify", secret="s3cret"),
        "till": ChannelSettings(kind="canonical", payment="gateway"),
    }
    rules = policies_of(OrdersSettings(payment_hold_hours=1), known)
    assert (rules.gateway_channels, rules.payment_hold_limit) == ({"till"}, timedelta(hours=1))


def test_a_channel_of_an_unknown_kind_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting's name, before any order is misread."""
    config = tmp_path / "doorstep.toml"
    config.write_text('[channels.bazaar]\nkind = "bazaar"\n')
    monkeypatch.setenv("DOORSTEP_CONFIG", str(config))
    with pytest.raises(SettingsWrong, match=r"channels\.bazaar\.kind"):
        channels()
