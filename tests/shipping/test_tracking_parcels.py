"""Scans become milestones; a late, repeated or out-of-order one never moves a parcel backwards."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.shipping import Milestone, ParcelScanned
from services.shipping.domain.commands import RecordScan
from services.shipping.domain.milestones import FLAGS, RANKS, SCANS_MAX, Scan, Track
from tests.shipping.makers import (
    DS1,
    FULFILMENT,
    P1,
    cancelled,
    dispatched,
    failed,
    granted,
    own_label,
    planned,
    refused,
    shipping,
    voided,
)
from tests.spec import NOON, Given

M = Milestone
LABEL = own_label(DS1, 1)


def on_its_way(*scans: ParcelScanned) -> Given:
    """The parcel is with the carrier."""
    return shipping().given(granted(), planned(), LABEL, dispatched(LABEL), *scans)


def scan(code: str, hour: int = 0, scan_id: str = "", vocabulary: str = "") -> RecordScan:
    at = NOON + timedelta(hours=hour)
    return RecordScan(
        order_id="shopify:1001", parcel_id=P1, scan_id=scan_id or f"{code}-{hour}", code=code,
        scanned_at=at, place="Malmö", vocabulary=vocabulary,
    )  # fmt: skip


def scanned(
    milestone: Milestone, hour: int = 0, code: str = "", advanced: bool = True, scan_id: str = ""
) -> ParcelScanned:
    code = code or milestone.value
    return ParcelScanned(
        order_id="shopify:1001", parcel_id=P1, scan_id=scan_id or f"{code}-{hour}", milestone=milestone,
        carrier_code=code, scanned_at=NOON + timedelta(hours=hour), place="Malmö", advanced=advanced,
    )  # fmt: skip


def track_of(world: Given) -> Track:
    return world.world.states[FULFILMENT].parcels[0].track


def test_a_scan_brings_the_parcel_on() -> None:
    """Whoever listens hears of the step, with the carrier's own word and place."""
    on_its_way().when(scan("in_transit", 1)).then(scanned(M.IN_TRANSIT, 1))


def test_the_same_scan_twice_is_kept_once() -> None:
    """Carriers push the same event again and again."""
    on_its_way().when(scan("in_transit", 1), scan("in_transit", 1)).then(scanned(M.IN_TRANSIT, 1))


def test_a_late_scan_is_kept_and_moves_nothing() -> None:
    """The depot's scan of yesterday arrives after the one from the van."""
    later = scanned(M.OUT_FOR_DELIVERY, 20)
    on_its_way(later).when(scan("in_transit", 3)).then(scanned(M.IN_TRANSIT, 3, advanced=False))


def test_a_lower_rank_with_a_newer_time_moves_nothing_either() -> None:
    """A carrier's clock is no proof that a parcel went back to the depot."""
    on_its_way(scanned(M.READY_FOR_PICKUP, 2)).when(scan("picked_up", 9)).then(
        scanned(M.PICKED_UP, 9, advanced=False)
    )


def test_delivered_is_final() -> None:
    """Whatever comes afterwards, the customer was told the truth."""
    world = on_its_way(scanned(M.DELIVERED, 30))
    after = world.when(scan("out_for_delivery", 40), scan("returned", 50), scan("lost", 60))
    assert [event.advanced for event in after.events] == [False, False, False]
    assert after.state(FULFILMENT).parcels[0].track.milestone is M.DELIVERED


def test_after_a_failed_attempt_the_parcel_goes_out_again() -> None:
    """The next day's round is progress, though both have the same rank."""
    world = on_its_way(scanned(M.ATTEMPT_FAILED, 10))
    world.when(scan("out_for_delivery", 30)).then(scanned(M.OUT_FOR_DELIVERY, 30))


def test_an_unknown_word_is_kept_as_unknown() -> None:
    """A new code of the carrier is never an error, and never a guess."""
    on_its_way().when(scan("TELEPORTED", 1)).then(scanned(M.UNKNOWN, 1, "TELEPORTED", advanced=False))


@pytest.mark.parametrize("trouble", sorted(FLAGS))
def test_trouble_raises_a_flag_without_lowering_the_milestone(trouble: Milestone) -> None:
    """A delay on the last mile does not put the parcel back on the road; the next good scan clears it."""
    world = on_its_way(scanned(M.OUT_FOR_DELIVERY, 5))
    after = world.when(scan(trouble.value, 6)).then(scanned(trouble, 6, advanced=False))
    track = after.state(FULFILMENT).parcels[0].track
    assert (track.milestone, track.flag) == (M.OUT_FOR_DELIVERY, trouble)
    cleared = on_its_way(scanned(M.OUT_FOR_DELIVERY, 5), scanned(trouble, 6), scanned(M.ATTEMPT_FAILED, 7))
    assert track_of(cleared).flag is None


def test_the_words_of_an_aggregator_can_be_named_with_the_scan() -> None:
    """One parcel, scanned by the carrier and reported by an aggregator."""
    command = scan("AvailableForPickup", 8, vocabulary="aftership")
    on_its_way().when(command).then(scanned(M.READY_FOR_PICKUP, 8, "AvailableForPickup"))


def test_a_parcel_without_a_number_cannot_be_scanned() -> None:
    """There is nothing a carrier could have scanned."""
    waiting = shipping().given(planned(), failed("none left", range_exhausted=True))
    reason = f"{P1} has no tracking number to be scanned"
    waiting.when(scan("in_transit")).then(
        refused("RecordScan", "label_failed", reason, "RetryLabel", actor="carrier")
    )


def test_a_scan_of_a_void_parcel_is_kept() -> None:
    """It left after all: exactly what a person must be able to see."""
    void = shipping().given(granted(), planned(), LABEL, cancelled(DS1), voided(DS1))
    void.when(scan("picked_up", 1)).then(scanned(M.PICKED_UP, 1))


def test_scans_are_bounded() -> None:
    """A mad scanner must not grow a state without end."""
    many = [scanned(M.IN_TRANSIT, n, scan_id=str(n)) for n in range(SCANS_MAX)]
    (event,) = on_its_way(*many).when(scan("delivered", 999)).events
    assert event.reason == f"{P1} already has {SCANS_MAX} scans"


SCANS = st.lists(
    st.builds(
        Scan,
        milestone=st.sampled_from(list(Milestone)),
        at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3)),  # noqa: DTZ001 - only compared
        scan_id=st.uuids().map(str),
    ),
    max_size=12,
)


def arrived(scans: list[Scan]) -> Track:
    track = Track()
    for each in scans:
        track = track.after(each)
    return track


@given(SCANS, st.randoms(use_true_random=False))
def test_any_order_of_the_same_scans_ends_in_the_same_place(scans: list[Scan], luck: random.Random) -> None:
    """Milestone and flag are functions of the set of scans, with any of them repeated."""
    shuffled = [*scans, *scans[:3]]
    luck.shuffle(shuffled)
    one, other = arrived(scans), arrived(shuffled)
    assert (one.milestone, one.flag, set(one.seen)) == (other.milestone, other.flag, set(other.seen))


@given(SCANS)
def test_no_scan_ever_lowers_the_rank(scans: list[Scan]) -> None:
    """Each arrival leaves the parcel where it was or further on."""
    track = Track()
    for each in scans:
        after = track.after(each)
        assert RANKS[after.milestone] >= RANKS[track.milestone]
        track = after


def test_every_order_of_a_full_journey_ends_delivered() -> None:
    """All 5,040 orders in which seven scans of one journey can arrive."""
    way = (
        M.LABEL_CREATED,
        M.PICKED_UP,
        M.DELAYED,
        M.IN_TRANSIT,
        M.ATTEMPT_FAILED,
        M.OUT_FOR_DELIVERY,
        M.DELIVERED,
    )
    scans = [Scan(m, NOON + timedelta(hours=n), str(n)) for n, m in enumerate(way)]
    ends = {arrived(list(order)).milestone for order in permutations(scans)}
    assert ends == {M.DELIVERED}
