"""The label as a PDF of 4 x 6 inches, set by Typst. Same label, same bytes: no clock goes in, no chance."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import typst

from services.shipping.documents.bars import code128
from services.shipping.documents.label import ShippingLabel, texts_of

TEMPLATE = Path(__file__).with_name("label.typ")


def pdf(label: ShippingLabel) -> bytes:
    """The document. About 20 ms once the fonts are known; call it off the event loop."""
    values = texts_of(label) | {"modules": code128(label.tracking_number)}
    return _compile(json.dumps(values, sort_keys=True), label.labelled_at)


def _compile(values: str, moment: datetime) -> bytes:
    document: bytes = typst.compile(
        TEMPLATE.read_bytes(),
        font_paths=_fonts(),
        sys_inputs={"label": values},
        timestamp=moment.astimezone(UTC).replace(microsecond=0),
        format="pdf",
    )
    return document


@cache
def _fonts() -> typst.Fonts:
    """Typst's own fonts first; the system's serve the scripts that these do not cover."""
    return typst.Fonts()
