"""I9: a customer who hears twice, or a mail that nobody answers for, is found."""

from __future__ import annotations

from pathlib import Path

from chassis.bus import Bus
from tests.ops.house import broken
from tests.ops.true_story import history


async def test_a_notification_decided_twice_is_found(tmp_path: Path, bus: Bus) -> None:
    """One message per recipient and cause."""
    house = history()
    house.repeat("NotificationQueued", "shop:1")
    found = await broken(house, tmp_path, bus)
    assert "shop:1:order_confirmed decided twice" in found["I9"]


async def test_two_notifications_of_one_cause_are_found(tmp_path: Path, bus: Bus) -> None:
    """Another id does not make it another message."""
    house = history()
    house.repeat("NotificationQueued", "shop:1", notification_id="other")
    assert "order_confirmed twice for order/shop:1" in (await broken(house, tmp_path, bus))["I9"]


async def test_a_notification_sent_twice_is_found(tmp_path: Path, bus: Bus) -> None:
    """Sent, and sent again."""
    house = history()
    house.repeat("NotificationSent", "shop:1")
    assert "ended twice: NotificationSent, NotificationSent" in (await broken(house, tmp_path, bus))["I9"]


async def test_a_mail_without_a_notification_is_found(tmp_path: Path, bus: Bus) -> None:
    """As a replay that sends would leave it."""
    house = history()
    house.mails.append("shop-1-order_confirmed-again")
    assert (await broken(house, tmp_path, bus))["I9"] == (
        "mail shop-1-order_confirmed-again: was sent, and no notification says so"
    )


async def test_a_sent_notification_without_its_mail_is_found(tmp_path: Path, bus: Bus) -> None:
    """We say that it was sent, the mail system has never seen it."""
    house = history()
    house.mails.remove("shop-2-order_confirmed")
    assert "0 mails named shop-2-order_confirmed" in (await broken(house, tmp_path, bus))["I9"]


async def test_a_mail_that_is_about_to_be_noted_is_pending(tmp_path: Path, bus: Bus) -> None:
    """Handed over, and the answer not committed yet."""
    house = history()
    house.drop("NotificationSent", "shop:2")
    verdicts = await house.audit(tmp_path, bus)
    assert verdicts["I9"].holds
    assert verdicts["I9"].detail == "pending 1"
