"""Whose keys are whose: what is found of a customer, by their address or by an order, before and after an erasure."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chassis.keys.store import Wanted
from ops.personal.customer import Customer, find_customer
from ops.personal.keys import keys_of
from ops.personal.mails import blank, blank_mails, opening, sealing
from ops.system import System, find
from services.notify.mime import Content, Mailbox, compose

THEN, NOW, LATER = (f"2026-11-21T12:00:0{second}.000000Z" for second in (1, 2, 3))
SHOP = Mailbox("Shop", "orders@shop.example")
ADA, BOB = "ada@shop.example", "bob@shop.example"


@pytest.fixture
def system(tmp_path: Path) -> System:
    return find(tmp_path / "var")


def made(
    system: System, owner: str, order: str, now: str = THEN, body: str = "", *, anew: bool = False
) -> str:
    wanted = Wanted(owner=owner, entity=f"order/{order}", body=body, anew=anew)
    (key,) = keys_of(system).issue([wanted], now)
    assert key is not None
    return key.id


def destroyed(system: System, *keys: str) -> None:
    """So that no history has to be read for the addresses of their orders."""
    keys_of(system).destroy(keys, "dpo", "asked", NOW)


def test_nothing_is_kept_of_nobody(system: System) -> None:
    """Neither by an address nor by an order; what is kept of others is not theirs."""
    made(system, BOB, "shop:1")
    assert find_customer(system, keys_of(system), ADA) == Customer((), (), (), (), frozenset({ADA}))
    assert find_customer(system, keys_of(system), "shop:2") == Customer((), (), (), (), frozenset())


def test_all_orders_of_an_address_are_found_by_any_of_them(system: System) -> None:
    """Case and blanks do not matter; five hundred orders are one customer."""
    key = made(system, ADA, "shop:0")
    for number in range(1, 500):
        made(system, ADA, f"shop:{number}")
    bob = made(system, BOB, "shop:500")
    destroyed(system, key, bob)
    by_address = find_customer(system, keys_of(system), f" {ADA.upper()} ")
    by_order = find_customer(system, keys_of(system), "shop:17")
    assert by_address.keys == by_order.keys == (key,)
    assert len(by_address.orders) == len(by_order.orders) == 500


def test_an_address_is_one_however_it_is_written(system: System) -> None:
    """Its domain in its own script or as it goes on the wire, composed or not; as older releases kept it, too."""
    wire, composed = "ada.jürgens@xn--mnchen-3ya.example", "Ada.Jürgens@München.example"
    older = made(system, composed.lower(), "shop:1")
    newer = made(system, wire, "shop:2")
    destroyed(system, older, newer)
    for written in (wire, composed, unicodedata.normalize("NFD", composed)):
        assert newer in find_customer(system, keys_of(system), written).keys
    assert set(find_customer(system, keys_of(system), composed).keys) == {older, newer}


def test_a_mail_to_any_script_goes_with_its_customer_from_a_backup_too(system: System) -> None:
    """Its header has the domain as it goes on the wire."""
    mail = compose(
        "id@x", SHOP, Mailbox("Ada", "ada@münchen.example"), Content("a", "b", "c"), datetime.now(UTC)
    )
    kept = sealing(system)("1.mail", mail)
    assert b"Ada" not in kept
    (key,) = find_customer(system, keys_of(system), "ada@münchen.example").keys
    assert opening(system)("1.mail", kept) == mail
    destroyed(system, key)
    assert opening(system)("1.mail", kept) == blank("1.mail")


def test_a_mail_is_blanked_wherever_a_mail_reader_has_put_it(tmp_path: Path) -> None:
    """Read, archived, or just being written; nobody else's, and what is no mail stays as it is."""
    theirs = compose(
        "id@x", SHOP, Mailbox("Ada", "ADA@shop.example"), Content("a", "b", "c"), datetime.now(UTC)
    )
    others = compose("id@x", SHOP, Mailbox("Bob", BOB), Content("a", "b", "c"), datetime.now(UTC))
    for place in ("new/1", "cur/2:2,S", "tmp/3", ".Archive/cur/4:2,RS", ".Archive/index"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(theirs)
    (tmp_path / "new" / "5").write_bytes(others)
    assert blank_mails(tmp_path, (), ADA) == 4
    assert blank_mails(tmp_path, (), ADA) == 0
    assert [file.name for file in tmp_path.rglob("*") if file.is_file() and b"Ada" in file.read_bytes()] == [
        "index"
    ]
    assert (tmp_path / "new" / "5").read_bytes() == others


def test_an_address_that_somebody_typed_in_for_a_forgotten_order_is_found(system: System) -> None:
    """It has a key of its own, under the order and nobody's name."""
    first = made(system, ADA, "shop:1")
    destroyed(system, first)
    typed = made(system, "order/shop:1", "shop:1", NOW, anew=True)
    destroyed(system, typed)
    assert set(find_customer(system, keys_of(system), ADA).keys) == {first, typed}
    assert set(find_customer(system, keys_of(system), "shop:1").keys) == {first, typed}


def test_what_came_in_while_they_were_erased_by_an_order_is_theirs(system: System) -> None:
    """An order that was under way gets a new key as the old one goes. What was there before is another customer's, who
    once had the same address.
    """
    first = made(system, ADA, "shop:1")
    before = made(system, BOB, "shop:2")
    assert made(system, BOB, "shop:1") == first
    destroyed(system, first, before)
    meanwhile = made(system, BOB, "shop:3", LATER)
    destroyed(system, meanwhile)
    found = find_customer(system, keys_of(system), "shop:1", frozenset({BOB}), NOW)
    assert set(found.keys) == {first, meanwhile}
    assert set(found.orders) == {"shop:1", "shop:3"}
