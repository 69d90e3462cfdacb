"""Every change to a stored history breaks its chain, at the place of the change."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from chassis.batch import NewEvent
from chassis.chain import GENESIS, chained, link

type History = list[NewEvent]


def history() -> History:
    return chained(
        GENESIS,
        [
            NewEvent(n, f"order/{n % 3}", 1 + n // 3, "t", b'{"n":%d}' % n, b"ce-time: x\r\n")
            for n in range(1, 8)
        ],
    )


def first_break(events: History) -> int | None:
    """The place, from 0, of the first event that does not carry the link it should."""
    before = GENESIS
    for place, event in enumerate(events):
        if event.chain != link(before, event):
            return place
        before = event.chain
    return None


def test_an_untouched_history_is_whole_whatever_the_batches_were() -> None:
    whole = history()
    assert first_break(whole) is None
    bare = [event._replace(chain=b"") for event in whole]
    first = chained(GENESIS, bare[:3])
    assert first + chained(first[-1].chain, bare[3:]) == whole


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e._replace(data=b'{"n":9}'),
        lambda e: e._replace(headers=b"ce-time: y\r\n"),
        lambda e: e._replace(entity="order/9"),
        lambda e: e._replace(version=9),
        lambda e: e._replace(position=9),
        lambda e: e._replace(type="u"),
        lambda e: e._replace(headers=e.headers + e.data[:1], data=e.data[1:]),
    ],
    ids=["payload", "headers", "entity", "version", "position", "type", "a byte moved between fields"],
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_changed_event_is_found_where_it_stands(place: int, change: Callable[[NewEvent], NewEvent]) -> None:
    events = history()
    events[place] = change(events[place])
    assert first_break(events) == place


@pytest.mark.parametrize("place", [0, 3, 5])
def test_a_removed_an_inserted_and_a_swapped_event_are_found(place: int) -> None:
    removed, inserted, swapped = history(), history(), history()
    del removed[place]
    inserted.insert(place, inserted[place]._replace(data=b"{}"))
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    assert [first_break(events) for events in (removed, inserted, swapped)] == [place] * 3


def test_no_two_links_of_a_history_are_equal() -> None:
    links = [event.chain for event in history()]
    assert all(one != next_one for one, next_one in pairwise(links))
    assert len(set(links)) == len(links)
