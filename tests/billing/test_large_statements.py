"""A statement may have as many lines as it is allowed to have: its body is let in."""

from __future__ import annotations

import json
import os

import pytest

from services.billing.statement import LINES_MAX, Statement
from services.billing.wiring import build


def test_the_largest_statement_fits_into_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two limits on one thing must agree: lines are counted only after the bytes were taken in."""
    monkeypatch.setenv("DOORSTEP_CONFIG", os.devnull)
    line = {
        "kind": "adjustment",
        "reference": "a-transaction-with-a-long-reference-" + "9" * 64,
        "gross_minor": -(10**12),
        "fee_minor": -(10**12),
        "net_minor": -(10**12),
    }
    body = json.dumps(
        {
            "provider": "shopify",
            "payout_id": "po_1",
            "currency": "EUR",
            "total_minor": 0,
            "lines": [line] * LINES_MAX,
        },
        indent=1,
    )
    assert len(Statement.model_validate_json(body).lines) == LINES_MAX
    assert 1024 * 1024 < len(body.encode()) <= build().body_bytes_max
