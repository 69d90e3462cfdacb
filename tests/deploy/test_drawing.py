"""The pictures of the dashboards: every panel is drawn, in its place, with what its queries were answered."""

from __future__ import annotations

from html import escape
from itertools import chain
from typing import Any

import pytest

from tests.deploy.drawing import DRAWN, UNITS, Series, legend_of, page
from tests.deploy.test_dashboards import BOARDS

CALM = Series("orders", tuple((1_763_812_800.0 + second, 2.0) for second in range(60)))
RISING = Series("billing <p99>", tuple((1_763_812_800.0 + second, second / 10) for second in range(60)))


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_is_drawn(name: str) -> None:
    """With its title and the legend of what it shows."""
    board = BOARDS[name]
    drawn = page(board, {panel["id"]: [CALM, RISING] for panel in board["panels"]}, "as drawn")
    for panel in board["panels"]:
        assert f"<h2>{escape(panel['title'])}</h2>" in drawn
    assert drawn.count("billing &lt;p99&gt;") == len(board["panels"])
    assert "No data" not in drawn
    assert "as drawn" in drawn


def test_a_panel_without_an_answer_says_so() -> None:
    """As where nothing is wrong; a quantile of nothing is no number, and no line."""
    board = BOARDS["operations"]
    assert page(board, {}, "").count("No data") == len(board["panels"])
    nothing: Any = {panel["id"]: [Series("p99", ((1.0, float("nan")),))] for panel in board["panels"]}
    lines = [panel for panel in board["panels"] if panel["type"] == "timeseries"]
    assert page(board, nothing, "").count("No data") == len(lines)


def test_every_kind_and_unit_that_the_dashboards_have_can_be_drawn() -> None:
    """A new one gets its line in the tables."""
    panels = list(chain.from_iterable(board["panels"] for board in BOARDS.values()))
    assert {panel["type"] for panel in panels} == DRAWN.keys()
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels} == UNITS.keys()


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        ("short", 1_234_000, "1.23M"),
        ("s", 0.0125, "12.5 ms"),
        ("s", 180, "3 min"),
        ("ops", 0, "0/s"),
        ("percentunit", 0.5, "50%"),
        ("bool_yes_no", 1, "Yes"),
    ],
)
def test_a_value_is_said_in_its_unit(unit: str, value: float, said: str) -> None:
    """As a person reads it."""
    assert UNITS[unit](value) == said


def test_a_legend_has_the_labels_of_its_series() -> None:
    """And nothing where one is missing."""
    labels = {"service": "orders", "stream": "CHANNELS"}
    assert legend_of("{{service}} behind {{stream}}", labels) == "orders behind CHANNELS"
    assert legend_of("{{service}} {{kind}}", labels) == "orders"
