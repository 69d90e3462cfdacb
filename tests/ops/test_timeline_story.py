"""From a correlation id to what happened: all that bears it, wherever it is stored, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.__main__ import main
from ops.console import CannotDo
from ops.history.correlated import CorrelatedStory, timeline_of_story
from ops.history.timeline import timeline_of
from ops.system import find
from tests.ops.house import START
from tests.ops.true_story import history

STORY = "shop:1"
"""In the house, what is about an order bears its id; what is about nothing else, its entity's."""


def story_of(
    data: Path, correlation: str = STORY, at: timedelta | None = None, limit: int | None = None
) -> CorrelatedStory:
    """A story of the house."""
    history().write(data)
    return timeline_of_story(find(data), correlation, None if at is None else START + at, limit)


def test_every_event_that_bears_the_id_is_told_and_no_other(tmp_path: Path) -> None:
    """Held against the log of each service, as it was written."""
    told = story_of(tmp_path)
    written = {
        (service, row.position)
        for service, log in history().said.items()
        for row, said in zip(history().rows(service), log, strict=True)
        if said.facts.get("order_id", said.entity) == STORY
    }
    assert {(moment.service, moment.stored.position) for moment in told.moments} == written
    assert len({service for service, _ in written}) == 5
    assert told.orders == (STORY,)


def test_an_effect_stands_behind_its_cause(tmp_path: Path) -> None:
    """As in the story of its order."""
    told = [moment.id for moment in story_of(tmp_path).moments]
    order = [moment.id for moment in timeline_of(find(tmp_path), STORY).moments]
    assert [name for name in told if name in order] == [name for name in order if name in told]


def test_a_part_of_it_is_told_where_that_is_asked_for(tmp_path: Path) -> None:
    """Until a time; the newest of it."""
    whole = story_of(tmp_path)
    then = timeline_of_story(find(tmp_path), STORY, START + timedelta(milliseconds=8))
    last = timeline_of_story(find(tmp_path), STORY, limit=2)
    assert then.moments == tuple(
        moment for moment in whole.moments if moment.time <= START + timedelta(milliseconds=8)
    )
    assert 0 < len(then.moments) < len(whole.moments)
    assert (last.moments, last.left_out) == (whole.moments[-2:], len(whole.moments) - 2)


def test_an_id_that_no_event_bears_is_named(tmp_path: Path) -> None:
    """Of a command that failed nothing is stored: that is said, as its line of the log is how one came here."""
    with pytest.raises(CannotDo, match=r"no event bears command/none; .* a command that failed"):
        story_of(tmp_path, "command/none")
    with pytest.raises(CannotDo, match="was not known then"):
        timeline_of_story(find(tmp_path), STORY, START - timedelta(days=1))


def test_the_command_takes_what_a_line_of_the_log_has(tmp_path: Path) -> None:
    """For people a line each with what it is about; for machines the shape of an order's story."""
    history().write(tmp_path)
    asked = ["timeline", f"story:{STORY}", "--data", str(tmp_path)]
    told = CliRunner().invoke(main, asked).stdout.splitlines()
    shown = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)
    assert told[0] == f"{STORY} · {STORY}"
    assert any("inventory  reservation/shop:1" in line and "reserved 2 × LAMP" in line for line in told)
    assert shown.keys() == {"correlation", "orders", "events", "left_out"}
    assert len(shown["events"]) == len(told) - 1
