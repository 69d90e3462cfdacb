"""Carriers' words against recorded answers: every status others wrote down means one of our milestones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from contracts.shipping import Milestone
from services.shipping.domain.milestones import RANKS, Scan, Track
from services.shipping.domain.vocabularies import AFTERSHIP, VOCABULARIES, milestone_of
from tests.recorded import FIXTURES, needs
from tests.spec import NOON

RECORDED = FIXTURES / "tracking"
needs_recorded = needs(RECORDED)
M = Milestone


@pytest.mark.parametrize(
    ("vocabulary", "code", "milestone"),
    [
        ("karrio", "delivery_delayed", M.DELAYED),
        ("karrio", "carrier_parcel_lost", M.LOST),
        ("easypost", "available_for_pickup", M.READY_FOR_PICKUP),
        ("easypost", "error", M.UNKNOWN),
        ("aftership", "InfoReceived", M.LABEL_CREATED),
        ("aftership", "Exception", M.ON_HOLD),
        ("aftership", "Exception_011", M.RETURNED),
        ("aftership", "Delivered_003", M.DELIVERED),
        ("aftership", "Expired", M.EXPIRED),
        ("shippo", "TRANSIT", M.IN_TRANSIT),
        ("sandbox", "customs", M.CUSTOMS),
        ("nobody", "delivered", M.DELIVERED),
        ("sandbox", "", M.UNKNOWN),
    ],
)
def test_a_carriers_word_means_a_milestone(vocabulary: str, code: str, milestone: Milestone) -> None:
    """Case does not matter, sub-statuses fall back to their status, and the unknown is `unknown`."""
    assert milestone_of(vocabulary, code) is milestone


def test_every_vocabulary_knows_the_way_of_a_parcel() -> None:
    """From the label over the road to the door, in the words of each."""
    way = {M.LABEL_CREATED, M.IN_TRANSIT, M.DELIVERED}
    for name, words in VOCABULARIES.items():
        assert way <= set(words.values()), name
        assert all(word == word.lower() for word in words), name
    assert AFTERSHIP["outfordelivery"] is M.OUT_FOR_DELIVERY


def details(document: Any) -> Iterator[dict[str, Any]]:
    """Every parcel described in a recorded answer, at any depth."""
    if isinstance(document, list):
        for part in document:
            yield from details(part)
    elif isinstance(document, dict):
        if "tracking_number" in document or "tracking_details" in document or "tracking_history" in document:
            yield document
        for part in document.values():
            yield from details(part)


def recorded(pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(RECORDED.glob(pattern)):
        for parcel in details(json.loads(path.read_text())):
            yield f"{path.parent.name}/{path.name}", parcel


def journey(vocabulary: str, events: list[dict[str, Any]]) -> Track:
    """The scans of a recorded answer, newest first as carriers send them."""
    track = Track()
    for n, event in enumerate(events):
        at = NOON - timedelta(hours=n)
        track = track.after(Scan(milestone_of(vocabulary, event.get("status", "")), at, str(n)))
    return track


@needs_recorded
def test_every_recorded_karrio_status_is_known() -> None:
    """Many carriers' answers as Karrio read them: each status of parcel and event is a milestone of ours."""
    parcels = events = 0
    for name, parcel in recorded("karrio/*/tracking_*Parsed*.json"):
        if "events" not in parcel:
            continue
        parcels += 1
        status = parcel.get("status")
        assert status is None or milestone_of("karrio", status) is not M.UNKNOWN, (name, status)
        for event in parcel["events"]:
            if status := event.get("status"):
                events += 1
                assert milestone_of("karrio", status) is not M.UNKNOWN, (name, status)
    assert (parcels, events) >= (35, 120)


@needs_recorded
def test_recorded_journeys_end_the_same_forwards_and_backwards() -> None:
    """The same scans, oldest first or newest first, end at one milestone, never below any step on the way."""
    walked = 0
    for name, parcel in recorded("karrio/*/tracking_*Parsed*.json"):
        events = [event for event in parcel.get("events") or () if event.get("status")]
        if not events:
            continue
        walked += 1
        timed = [
            Scan(milestone_of("karrio", event["status"]), NOON - timedelta(hours=n), str(n))
            for n, event in enumerate(events)
        ]
        tracks = [Track()]
        for scan in reversed(timed):
            tracks.append(tracks[-1].after(scan))
        ranks = [RANKS[track.milestone] for track in tracks]
        assert all(before <= after for before, after in pairwise(ranks)), name
        assert journey("karrio", events).milestone is tracks[-1].milestone, name
    assert walked >= 25


@needs_recorded
def test_every_recorded_easypost_tracker_is_known() -> None:
    """Trackers and their details; `unknown` is EasyPost's own word for not knowing."""
    words = {
        detail["status"]
        for _, tracker in recorded("easypost/tracker_*.json")
        for detail in (tracker, *(tracker.get("tracking_details") or ()))
        if detail.get("status")
    }
    assert words >= {"pre_transit"}
    assert {word for word in words if milestone_of("easypost", word) is M.UNKNOWN} <= {"unknown", "error"}


@needs_recorded
def test_a_number_the_carrier_does_not_know_yet_has_no_history() -> None:
    """Shippo answers an unknown number with nothing: that is no scan and no error."""
    (parcel,) = [parcel for _, parcel in recorded("shippo/track_test_invalid_create_1.json")]
    assert journey("shippo", parcel["tracking_history"]) == Track()
