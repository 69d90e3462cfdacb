"""Shipping's settings: defaults that just work, and faults that are named."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chassis.settings import SettingsWrong, section
from services.shipping.domain.fulfilment import Fulfilment
from services.shipping.domain.milestones import Scan, Track
from services.shipping.settings import ShippingSettings, ShopSettings, policies_of
from services.shipping.wiring import first_grants
from tests.shipping.makers import DS1, FULFILMENT, SHOP, granted, own_label, planned, shipping
from tests.spec import NOON


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "doorstep.toml"
    path.touch()
    monkeypatch.setenv("DOORSTEP_CONFIG", str(path))
    return path


def test_without_settings_the_own_range_is_granted_and_people_hand_over(config: Path) -> None:
    """The embedded shop runs on an empty file; nobody's parcel leaves by itself."""
    settings = section("shipping", ShippingSettings)
    policies = policies_of(settings, SHOP, 9000)
    assert (policies.carrier, policies.autopilot) == ("doorstep", False)
    assert policies.tracking_url_of("DS1") == "http://127.0.0.1:9000/parcels/DS1"
    (grant,) = first_grants(settings, SHOP)
    assert (grant.carrier, grant.prefix, grant.suffix, grant.last) == ("doorstep", "DS", "DE", 99_999_999)
    assert first_grants(settings, ShopSettings())[0].suffix == "ZZ"


def test_the_environment_switches_the_autopilot_on(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what `doorstep up --autopilot` does."""
    monkeypatch.setenv("DOORSTEP_SHIPPING__AUTOPILOT", "true")
    assert section("shipping", ShippingSettings).autopilot is True


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ('carrier = "hermez"', "hermez"),
        ("parcel_max_g = 0", "shipping.parcel_max_g"),
        ('[shipping.carriers.dhl]\nkind = "http"\nvocabulary = "klingon"', "vocabulary is one of"),
        ('[shipping.carriers.dhl]\nkind = "own_range"\nfirst = 9\nlast = 1', "first is not after last"),
        ('[shipping.carriers.dhl]\nkind = "http"\nurl = "ftp://x"', "shipping.carriers.dhl.url"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(config: Path, table: str, named: str) -> None:
    """One clear line instead of a parcel that never leaves."""
    config.write_text(f"[shipping]\n{table}\n")
    with pytest.raises(SettingsWrong, match=named):
        section("shipping", ShippingSettings)


def test_a_fulfilment_is_the_same_after_the_store() -> None:
    """What is written as a state is read back equal, tracks and times included."""
    label = own_label(DS1, 1, hand_over_at=NOON)
    state = shipping().given(granted(), planned(), label).world.states[FULFILMENT]
    track = Track().after(Scan("in_transit", NOON, "s1"))
    for value, kind in ((state, Fulfilment), (track, Track)):
        assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value
