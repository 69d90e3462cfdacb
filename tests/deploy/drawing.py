"""Draws a dashboard: each panel of the JSON in its place, with what its queries were answered. Pure: data in, HTML out.

This is no Grafana. It knows the four kinds of panels that our dashboards have, and draws them plainly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

COLUMN, ROW = 50, 30
"""Pixels of a cell of the grid, which is 24 columns wide."""
GAP = 4
LEFT, RIGHT, TOP, AXIS = 52, 12, 32, 18
LEGEND_ROW, LEGEND_MAX = 15, 6
TICKS = 4
COLOURS = (
    "#3274d9",
    "#e0752d",
    "#37872d",
    "#a352cc",
    "#c4162a",
    "#0a8f8f",
    "#b8860b",
    "#705da0",
    "#555",
    "#d683ce",
)
STYLE = """
body { margin: 0; background: #f4f5f8; color: #1f2430; font: 12px "DejaVu Sans", sans-serif; width: 1200px }
header { padding: 10px 12px 4px } h1 { font-size: 18px; margin: 0 0 4px } p { margin: 0; color: #545b6b }
main { position: relative } section { position: absolute; background: #fff; border: 1px solid #dcdfe6;
border-radius: 3px; overflow: hidden; box-sizing: border-box }
h2 { position: absolute; left: 10px; top: 8px; margin: 0; font-size: 12px } svg { display: block }
polyline { shape-rendering: crispEdges }
.values { position: absolute; inset: 36px 10px 8px; display: flex; flex-wrap: wrap; gap: 6px; align-content: center;
justify-content: center } .value { text-align: center; min-width: 84px } .value b { display: block; font-size: 24px }
.bar { width: 100%; display: flex; gap: 8px; align-items: center } .bar span { width: 120px; text-align: right }
.bar i { height: 11px; border-radius: 2px } .none { color: #8a91a0; width: 100%; text-align: center }
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a panel: its legend, and (Unix time, value) in order of time."""

    legend: str
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


type Answers = Mapping[int, Sequence[Series]]
"""By the id of a panel, what its queries were answered."""


def legend_of(template: str, labels: Mapping[str, str]) -> str:
    """`{{service}} p99` with the labels of a series in it."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template).strip()


def page(board: Mapping[str, Any], answers: Answers, caption: str) -> str:
    """The whole dashboard as a page of HTML, 1,200 pixels wide."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"]) * ROW
    panels = "".join(_panel(panel, answers.get(panel["id"], ())) for panel in board["panels"])
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><header><h1>{escape(board['title'])}</h1>"
        f"<p>{escape(caption)}</p></header><main style='height:{height + GAP}px'>{panels}</main>"
    )


def _panel(panel: Mapping[str, Any], series: Sequence[Series]) -> str:
    place = panel["gridPos"]
    width, height = place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
    box = (
        f"left:{place['x'] * COLUMN + GAP // 2}px;top:{place['y'] * ROW}px;width:{width}px;height:{height}px"
    )
    say = UNITS[panel["fieldConfig"]["defaults"]["unit"]]
    return (
        f"<section style='{box}'><h2>{escape(panel['title'])}</h2>"
        f"{DRAWN[panel['type']](series, say, width, height)}</section>"
    )


def _values(series: Sequence[Series], say: Say, width: int, height: int) -> str:
    shown = [
        f"<div class=value><b style='color:{COLOURS[2]}'>{say(one.last)}</b>{escape(one.legend)}</div>"
        for one in series
    ]
    return f"<div class=values>{''.join(shown) or NOTHING}</div>"


def _bars(series: Sequence[Series], say: Say, width: int, height: int) -> str:
    most = max((one.last for one in series), default=0.0) or 1.0
    room = width - 250
    shown = [
        f"<div class=bar><span>{escape(one.legend)}</span>"
        f"<i style='width:{room * one.last / most:.0f}px;background:{COLOURS[0]}'></i>{say(one.last)}</div>"
        for one in series
    ]
    return f"<div class=values>{''.join(shown) or NOTHING}</div>"


def _table(series: Sequence[Series], say: Say, width: int, height: int) -> str:
    rows = "".join(f"<div class=bar>{escape(one.legend)}</div>" for one in series)
    return f"<div class=values>{rows or NOTHING}</div>"


def _lines(series: Sequence[Series], say: Say, width: int, height: int) -> str:
    drawn = [one for one in series if any(math.isfinite(value) for _, value in one.points)]
    if not drawn:
        return f"<div class=values>{NOTHING}</div>"
    named = sorted(drawn, key=lambda one: -max(value for _, value in one.points if math.isfinite(value)))
    low_y = height - AXIS - LEGEND_ROW * (min(len(named), LEGEND_MAX) + 1) // 2 - 8
    moments = [moment for one in drawn for moment, _ in one.points]
    values = [value for one in drawn for _, value in one.points if math.isfinite(value)]
    scale = _Scale(min(moments), max(moments), min(0.0, *values), _roof(max(values)), width - RIGHT, low_y)
    colours = {one.legend: COLOURS[number % len(COLOURS)] for number, one in enumerate(named)}
    parts = [*_grid(scale, say), *(_line(one, scale, colours[one.legend]) for one in reversed(named))]
    return f"<svg width={width} height={height}>{''.join(parts)}{_legend(named, colours, low_y + AXIS + 14)}</svg>"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a moment and a value are in a panel, in pixels."""

    first: float
    last: float
    low: float
    high: float
    right: int
    bottom: int

    def x(self, moment: float) -> float:
        return LEFT + (self.right - LEFT) * (moment - self.first) / ((self.last - self.first) or 1)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - TOP) * (value - self.low) / ((self.high - self.low) or 1)


def _roof(value: float) -> float:
    """The next round number above."""
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 2, 5, 10) if step * size >= value)


def _grid(scale: _Scale, say: Say) -> Iterator[str]:
    for number in range(TICKS + 1):
        value = scale.low + (scale.high - scale.low) * number / TICKS
        y = scale.y(value)
        yield f"<path d='M{LEFT} {y:.0f}H{scale.right}' stroke='#e6e8ee'/>"
        yield f"<text x={LEFT - 6} y={y + 4:.0f} text-anchor=end font-size=10 fill='#545b6b'>{say(value)}</text>"
    for number in range(TICKS):
        moment = scale.first + (scale.last - scale.first) * number / TICKS
        clock = datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S")
        yield f"<text x={scale.x(moment):.0f} y={scale.bottom + 14} font-size=10 fill='#545b6b'>{clock}</text>"


def _line(series: Series, scale: _Scale, colour: str) -> str:
    finite = [(moment, value) for moment, value in series.points if math.isfinite(value)]
    path = " ".join(f"{scale.x(moment):.1f},{scale.y(value):.1f}" for moment, value in finite)
    return f"<polyline points='{path}' fill=none stroke='{colour}' stroke-width=1.5 />"


def _legend(named: Sequence[Series], colours: Mapping[str, str], y: int) -> str:
    """Those with the highest values, two in a row; how many more there are."""
    parts = []
    for number, one in enumerate(named[:LEGEND_MAX]):
        x, row = 12 + 190 * (number % 2), y + LEGEND_ROW * (number // 2)
        parts.append(f"<rect x={x} y={row - 7} width=9 height=4 fill='{colours[one.legend]}'/>")
        parts.append(f"<text x={x + 13} y={row} font-size=10>{escape(one.legend[:30])}</text>")
    if len(named) > LEGEND_MAX:
        parts.append(
            f"<text x=388 y=20 text-anchor=end font-size=10 fill='#545b6b'>{len(named)} series</text>"
        )
    return "".join(parts)


def _short(value: float) -> str:
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def _seconds(value: float) -> str:
    if abs(value) >= 120:
        return f"{value / 60:.3g} min"
    return f"{value:.3g} s" if abs(value) >= 1 or not value else f"{value * 1000:.3g} ms"


type Say = Callable[[float], str]
UNITS: dict[str, Say] = {
    "short": _short,
    "s": _seconds,
    "ops": lambda value: f"{_short(value)}/s",
    "percentunit": lambda value: f"{value:.0%}",
    "bool_yes_no": lambda value: "Yes" if value else "No",
}
NOTHING = "<div class=none>No data</div>"
DRAWN: dict[str, Callable[[Sequence[Series], Say, int, int], str]] = {
    "timeseries": _lines,
    "stat": _values,
    "bargauge": _bars,
    "table": _table,
}
"""How each kind of panel is drawn."""
