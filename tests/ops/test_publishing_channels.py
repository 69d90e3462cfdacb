"""Publishing where orders cannot be asked which channels there are: the bus alone must do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contracts.services import SERVICES
from ops.publishing.known_channels import doubt_about
from ops.system import System

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system whose services are out of reach, and a configuration that names one channel."""
    monkeypatch.setenv("DOORSTEP_CONFIG", os.devnull)
    monkeypatch.setenv("DOORSTEP_CHANNELS__PHONE__KIND", "canonical")
    return System(tmp_path, 8080, "nats://127.0.0.1:9", dict.fromkeys(SERVICES, NOBODY))


async def test_a_channel_that_our_own_configuration_names_is_not_doubted(unreachable: System) -> None:
    """From the environment as well as from the file."""
    assert await doubt_about(unreachable, "phone") == ""


@pytest.mark.parametrize("topic", ["order_placed", "return/reported", "Order.Placed"])
async def test_a_topic_that_is_read_is_not_doubted(unreachable: System, topic: str) -> None:
    """However it is written: in the subject they are the same."""
    assert await doubt_about(unreachable, "phone", topic) == ""


@pytest.mark.parametrize(
    ("kind", "topic", "known"),
    [
        ("canonical", "wrong", "order_placed, return_reported"),
        ("woocommerce", "orders/create", "order_created, order_updated, order_restored, order_deleted"),
    ],
)
async def test_any_other_topic_is_published_and_the_known_ones_are_named(
    unreachable: System, monkeypatch: pytest.MonkeyPatch, kind: str, topic: str, known: str
) -> None:
    """Nothing is dropped; and whoever mistyped it need not look for the right one."""
    monkeypatch.setenv("DOORSTEP_CHANNELS__PHONE__KIND", kind)
    doubt = await doubt_about(unreachable, "phone", topic)
    assert doubt.startswith(f"a channel of kind {kind} has no topic {topic}: its messages are parked")
    assert doubt.endswith(known)


async def test_a_topic_that_needs_nothing_from_us_is_not_doubted(
    unreachable: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored and passed over, as the channel sends it."""
    monkeypatch.setenv("DOORSTEP_CHANNELS__PHONE__KIND", "shopify")
    assert await doubt_about(unreachable, "phone", "products/update") == ""


async def test_any_other_is_published_too_and_doubted(unreachable: System) -> None:
    """Whose services are elsewhere has not their configuration; what becomes of a mistake is said."""
    doubt = await doubt_about(unreachable, "shop")
    assert doubt.startswith(
        "nobody could say whether shop is a channel; if it is none, its messages are parked"
    )
    assert f"orders does not answer at {NOBODY}" in doubt
