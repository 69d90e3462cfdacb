"""What comes out of the intake is sealed: decisions never see a person, and decide the same."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from chassis.declare import Message
from chassis.keys.away import KeysAway
from chassis.keys.bodies import SEALED, SealsBodies, sealed_body
from chassis.keys.master import MasterKey
from chassis.keys.ring import KEPT_SECONDS
from chassis.keys.sealing import Key, key_id_of
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import KeyStore
from contracts.channels import OrderPlaced
from contracts.frozen import replace
from contracts.personal import ERASED, TOGETHER, personal_texts, with_opened
from contracts.placed_order import PlacedOrder
from services.orders.domain.rules import findings
from services.orders.intake import sealing as sealing_orders
from services.orders.intake.read import read
from services.orders.intake.reading import Placed, Reading, Unreadable
from services.orders.intake.sealing import FORGOTTEN, ON_THE_LOOP_MAX, UNKNOWN, SealedReadings, sealed
from services.orders.settings import ChannelSettings
from tests.orders.situations import ORDER
from tests.spec import NOON

NOW = "2026-11-21T12:00:00.000000Z"
CHANNELS = {"shop": ChannelSettings(kind="canonical")}


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return SQLiteKeys(tmp_path / "keys.sqlite", lambda: MasterKey(bytes(32)))


@pytest.fixture
def readings(store: KeyStore) -> SealedReadings:
    return SealedReadings(lambda message: read(message, CHANNELS), store)


def message(order: PlacedOrder, seq: int = 1, **headers: str) -> Message:
    body = OrderPlaced(order=order).to_bytes()
    return Message("CHANNELS", seq, "evt.channels.shop.order_placed", headers, body, NOON)


def placed(reading: object) -> PlacedOrder:
    assert isinstance(reading, Placed)
    return reading.order


async def test_an_order_is_sealed_and_opens_to_what_it_was(readings: SealedReadings, store: KeyStore) -> None:
    """Every personal text, with one key; what an address can be used for is told beside it."""
    await readings.prepare([message(ORDER)])
    order = placed(readings(message(ORDER)))
    (key_id,) = {key_id_of(text) for text in personal_texts(order) if text != TOGETHER}
    assert key_id
    key = store.fetch([key_id], "test", NOW)[key_id]
    opened = with_opened(order, lambda text: key.open(text) if key_id_of(text) else text)
    assert replace(opened, customer=replace(opened.customer, mailable=None)) == ORDER
    assert order.customer.mailable is True
    assert findings(order) == findings(ORDER)


@pytest.mark.parametrize(
    ("messages", "letters", "is_on_the_loop"),
    [(1, 0, True), (ON_THE_LOOP_MAX, 0, True), (ON_THE_LOOP_MAX + 1, 0, False), (1, 300_000, False)],
)
async def test_only_little_is_read_on_the_event_loop(
    store: KeyStore, messages: int, letters: int, is_on_the_loop: bool
) -> None:
    """Channels wait there for their answers: a second of reading would keep all of them waiting."""
    threads = set[int]()

    def reading(one: Message) -> Reading:
        threads.add(threading.get_ident())
        return read(one, CHANNELS)

    large = replace(message(ORDER), data=b"x" * letters) if letters else message(ORDER)
    await SealedReadings(reading, store).prepare([replace(large, stream_seq=n + 1) for n in range(messages)])
    assert (threads == {threading.get_ident()}) is is_on_the_loop


async def test_the_same_order_again_is_the_same_to_the_byte(readings: SealedReadings) -> None:
    """So that a repeated delivery, or a newer version with the same address, changes nothing."""
    await readings.prepare([message(ORDER, 1), message(ORDER, 2)])
    assert placed(readings(message(ORDER, 1))) == placed(readings(message(ORDER, 2)))
    newer = replace(ORDER, customer=replace(ORDER.customer, email="ada@new.example"))
    assert placed(readings(message(newer, 3))).ship_to == placed(readings(message(ORDER, 4))).ship_to


async def test_what_is_no_address_is_told_as_such(readings: SealedReadings) -> None:
    """Nobody can look at it any more: notify has to know before."""
    order = replace(ORDER, customer=replace(ORDER.customer, email="not an address"))
    assert placed(readings(message(order))).customer.mailable is False


async def test_a_sealed_body_is_read_until_its_key_is_destroyed(
    readings: SealedReadings, store: KeyStore
) -> None:
    """Then it is refused with the reason: a retry does not bring it back."""
    plain = message(ORDER)
    (key,) = store.issue_bodies(["shop:1"], NOW)
    assert key is not None
    data, lock = sealed_body(key, plain.data)
    stored = replace(plain, data=data, headers=lock)
    order = placed(readings(stored))
    assert order.channel_order_id == ORDER.channel_order_id
    assert store.tied() == {lock[SEALED]: "order/shop:1001"}
    store.destroy([lock[SEALED]], "dpo", "asked", NOW)
    assert readings(stored) == Unreadable(FORGOTTEN)


async def test_a_later_version_of_a_forgotten_order_says_nothing_of_the_customer(
    readings: SealedReadings, store: KeyStore
) -> None:
    """Shops send an order again whenever a parcel leaves. Who was forgotten stays so; who orders anew is known anew."""
    first = placed(readings(message(ORDER)))
    store.destroy([key_id_of(first.customer.email)], "dpo", "asked", NOW)
    again = placed(readings(message(replace(ORDER, version=2), 2)))
    assert set(personal_texts(again)) == {ERASED}
    assert (again.customer.mailable, again.version, again.lines) == (False, 2, ORDER.lines)
    another = placed(readings(message(replace(ORDER, channel_order_id="1002"), 3)))
    assert ERASED not in set(personal_texts(another))
    typed = await readings.seal(replace(ORDER, version=3))
    assert ERASED not in set(personal_texts(typed)), "a person who types it in means it"


async def test_a_body_that_nobody_here_sealed_is_refused_and_holds_nobody_up(
    readings: SealedReadings, store: KeyStore
) -> None:
    """Its key may come back with a backup of the keys: then a person has it read again."""
    (key,) = store.issue_bodies(["shop:1"], NOW)
    assert key is not None
    strange = message(ORDER, 1, **{SEALED: "of-another-system"})
    changed = message(ORDER, 2, **{SEALED: key.id})
    await readings.prepare([strange, changed, message(ORDER, 3)])
    assert readings(strange) == Unreadable(UNKNOWN)
    assert isinstance(readings(changed), Unreadable)
    assert placed(readings(message(ORDER, 3))).channel_order_id == ORDER.channel_order_id


@pytest.mark.parametrize("seals", [True, False])
async def test_a_message_that_cannot_be_read_at_all_holds_nobody_up(store: KeyStore, seals: bool) -> None:
    """A mistake of ours: it is raised where the message is decided, which parks it; those beside it are read."""

    def reading(message: Message) -> Reading:
        if message.stream_seq == 2:
            raise FileNotFoundError("no such table")
        return read(message, CHANNELS)

    readings = SealedReadings(reading, store, seals=seals)
    messages = [message(ORDER, seq) for seq in (1, 2, 3)]
    await readings.prepare(messages)
    with pytest.raises(FileNotFoundError):
        readings(messages[1])
    assert [placed(readings(messages[at])).channel_order_id for at in (0, 2)] == [ORDER.channel_order_id] * 2


async def test_an_order_that_cannot_be_sealed_holds_nobody_up(
    readings: SealedReadings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, one step later."""
    broken = replace(ORDER, channel_order_id="2")

    def sealing(order: PlacedOrder, key: Key | None) -> PlacedOrder:
        if order == broken:
            raise ZeroDivisionError
        return sealed(order, key)

    monkeypatch.setattr(sealing_orders, "sealed", sealing)
    messages = [message(ORDER, 1), message(broken, 2)]
    await readings.prepare(messages)
    assert placed(readings(messages[0])).channel_order_id == ORDER.channel_order_id
    with pytest.raises(ZeroDivisionError):
        readings(messages[1])


async def test_in_an_empty_store_of_keys_nothing_is_refused(readings: SealedReadings) -> None:
    """It was lost: what it opened waits until it is back."""
    with pytest.raises(KeysAway, match="is empty"):
        await readings.prepare([message(ORDER, 1, **{SEALED: "any"})])


async def test_where_nothing_is_sealed_a_sealed_body_is_opened_still(store: KeyStore) -> None:
    """Whoever switches sealing off keeps what was sealed before."""
    (key,) = store.issue_bodies(["shop:1"], NOW)
    assert key is not None
    plain = message(ORDER)
    data, lock = sealed_body(key, plain.data)
    readings = SealedReadings(lambda one: read(one, CHANNELS), store, seals=False)
    assert placed(readings(replace(plain, data=data, headers=lock))) == ORDER


async def test_nothing_is_read_in_the_clear_while_the_keys_are_away(tmp_path: Path) -> None:
    """It waits (F32); a folder in the place of the file stands for a disk that is gone."""
    (tmp_path / "keys.sqlite").mkdir()
    away = SQLiteKeys(tmp_path / "keys.sqlite", lambda: MasterKey(bytes(32)))
    readings = SealedReadings(lambda message: read(message, CHANNELS), away)
    with pytest.raises(KeysAway):
        await readings.prepare([message(ORDER)])


def test_a_text_that_looks_sealed_is_sealed_all_the_same(store: KeyStore) -> None:
    """Nobody gets another's address printed by sending in what stands in its place."""
    (key,) = store.issue_bodies(["any"], NOW)
    assert key is not None
    stolen = key.seal("Lindenstraße 9")
    order = sealed(replace(ORDER, note=stolen), key)
    assert order.note != stolen
    assert key.open(order.note) == stolen


async def test_a_body_sealed_a_moment_ago_is_read_without_a_look_into_the_store(store: KeyStore) -> None:
    """By the service that sealed it: once, and for seconds. After that the key is fetched, and the access noted."""
    passed = [0.0]
    bodies = SealsBodies(store, elapsed=lambda: passed[0])
    readings = SealedReadings(lambda one: read(one, CHANNELS), store, fresh=bodies.fresh)
    data, headers = await bodies.seal("m-1", message(ORDER).data)
    delivered = replace(message(ORDER, **headers), data=data)
    for fetched in (0, 1):
        await readings.prepare([delivered])
        assert isinstance(readings(delivered), Placed)
        assert len(store.contents()["accesses"]) == fetched
    _, headers = await bodies.seal("m-2", message(ORDER).data)
    passed[0] = KEPT_SECONDS
    assert bodies.fresh(headers[SEALED]) is None
