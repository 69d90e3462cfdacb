"""Which of the channels' messages are about a customer: no more, and no fewer."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chassis.declare import Message
from chassis.keys.bodies import SEALED, sealed_body
from chassis.keys.master import MasterKey
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import Wanted
from ops.personal.customer import Customer
from ops.personal.messages import Search

NOW = "2026-11-22T12:00:00.000000Z"
ADA = "ada.jürgens@shop.example"


@pytest.fixture
def store(tmp_path: Path) -> SQLiteKeys:
    return SQLiteKeys(tmp_path / "keys.sqlite", lambda: MasterKey(bytes(32)))


def sealed(store: SQLiteKeys, seq: int, body: bytes, subject: str) -> Message:
    (key,) = store.issue_bodies([f"message {seq}"], NOW)
    assert key is not None
    data, headers = sealed_body(key, body)
    return Message("CHANNELS", seq, subject, headers, data, datetime.now(UTC))


def is_found(store: SQLiteKeys, said: Any, subject: str = "evt.channels.shopify.checkouts_create") -> bool:
    body = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
    customer = Customer(("k1",), (), (), ("shopify:5001",), frozenset({ADA}))
    return len(list(Search(store, customer, "test").among([sealed(store, 1, body, subject)]))) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"email": ADA},
        {"email": "ADA.JÜRGENS@Shop.Example"},
        json.dumps({"email": ADA}).encode(),
        json.dumps({"email": ADA.upper()}).encode(),
        rb'{"email": "\u0061da.j\u00fcrgens\u0040shop.example"}',
        json.dumps({ADA: 1}).encode(),
        {"note": f"write to\n{ADA}."},
        {"link": "https://shop.example/?to=ada.jürgens%40shop.example&x=1"},
        {"link": "https://shop.example/?q=%3Cada.jürgens%40shop.example%3E"},
        f'{{"email": "{ADA}", broken'.encode(),
        {"link": "https://shop.example/?q=%22ada%2Ej%C3%BCrgens@shop.example%22"},
        {"link": "https://shop.example/?next=%2F%3Fto%3Dada.j%25C3%25BCrgens%2540shop.example"},
        {"html": "<p>ada.j&uuml;rgens&#64;shop&period;example</p>"},
        {"mail": "To: ada=2Ej\u00fcrgens=40shop=2Eexample"},
        {"note": json.dumps({"note": json.dumps({"to": ADA})})},
        {"note": json.dumps({"link": f"https://shop.example/?to={quote(ADA)}"})},
        {"email": unicodedata.normalize("NFD", ADA)},
        {"email": f"Ada Jürgens <{ADA}>"},
        {"email": f"mailto:{ADA}"},
        {"id": 1, "order_id": 5001},
        {"refund": {"order_id": "gid://shopify/Order/5001"}},
    ],
)
def test_a_message_that_names_them_is_found(store: SQLiteKeys, said: Any) -> None:
    """However the address is written, or by an order of theirs."""
    assert is_found(store, said)


@pytest.mark.parametrize(
    "said",
    [
        {"email": f"n{ADA}"},
        {"email": f"x+{ADA}"},
        {"link": f"https://shop.example/?to={quote(f'x+{ADA}')}"},
        {"link": f"https://shop.example/?to=x%2B{ADA}"},
        {"note": json.dumps({"to": f"n{ADA}"})},
        {"email": f"{ADA}.org"},
        {"email": ADA.replace("shop", "workshop")},
        {"id": 5001, "order_id": 15001},
        {"price": "5001", "product_id": 5001},
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_message_about_somebody_else_is_not(store: SQLiteKeys, said: Any) -> None:
    """What is destroyed by mistake never comes back."""
    assert not is_found(store, said)


def test_an_id_means_an_order_in_a_topic_of_orders(store: SQLiteKeys) -> None:
    """In that of a customer or a product it is one of theirs; and each channel has numbers of its own."""
    assert is_found(store, {"id": 5001}, "evt.channels.shopify.orders_delete")
    assert not is_found(store, {"id": 5001}, "evt.channels.shopify.customers_update")
    assert not is_found(store, {"id": 5001}, "evt.channels.woocommerce.order_deleted")


def test_what_nobody_can_open_holds_up_nothing(store: SQLiteKeys) -> None:
    """A message of another system, one that says anything of its key, one that was erased: the next is looked at."""
    subject, said = "evt.channels.shopify.orders_create", json.dumps({"email": ADA}).encode()
    right = sealed(store, 3, said, subject)
    changed = Message("CHANNELS", 1, subject, right.headers, right.data + b"x", right.time)
    strange = Message("CHANNELS", 2, subject, {SEALED: "of-another-system"}, said, right.time)
    plain = Message("CHANNELS", 4, subject, {}, said, right.time)
    customer = Customer((), (), (), (), frozenset({ADA}))
    among = Search(store, customer, "test").among
    assert [about.message.stream_seq for about in among([changed, strange, right, plain])] == [3, 4]
    store.destroy([right.headers[SEALED]], "dpo", "asked", NOW)
    assert [about.lock for about in among([right, plain])] == [""]


def test_what_is_tied_to_somebody_elses_order_is_not_opened(store: SQLiteKeys) -> None:
    """Their order may name the customer; it is theirs. What is tied to an order of the customer is theirs, whatever
    it says.
    """
    subject, said = "evt.channels.shopify.orders_create", json.dumps({"note": f"for {ADA}"}).encode()
    one, other = sealed(store, 1, said, subject), sealed(store, 2, b"{}", subject)
    store.issue([Wanted("bob@shop.example", "order/shopify:1", body=one.headers[SEALED])], NOW)
    store.issue([Wanted(ADA, "order/shopify:2", body=other.headers[SEALED])], NOW)
    customer = Customer(("k1",), (other.headers[SEALED],), (), ("shopify:2",), frozenset({ADA}))
    found = list(Search(store, customer, "test").among([one, other]))
    assert [(about.message.stream_seq, about.body) for about in found] == [(2, b"{}")]
    assert one.headers[SEALED] not in {key for _, _, key in store.contents()["accesses"]}
