"""The templates, and the words that all of them may use."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ops.page import wording
from ops.page.glance import quoted
from ops.page.telling import story


def templates(zone: tzinfo = UTC) -> Environment:
    """The templates with the words they use, times as in `zone`; an unknown name is an error, not an empty place."""
    found = Environment(
        loader=PackageLoader("ops.page"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        age=wording.age,
        clock=partial(wording.clock, zone=zone),
        day=partial(wording.day, zone=zone),
        zone=partial(wording.zone_at, zone=zone),
        plain=wording.plain,
        money=wording.money,
        quoted=quoted,
    )
    found.globals.update(
        HOLDS=wording.HOLDS,
        HOLDS_END=wording.HOLDS_END,
        TEMPLATES=wording.TEMPLATES,
        SERVICE_FIGURES=wording.SERVICE_FIGURES,
        FIGURES_MEAN=wording.FIGURES_MEAN,
        story=story,
    )
    return found
