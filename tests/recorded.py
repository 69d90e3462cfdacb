"""What others recorded and published: it lies beside this repository, in `shared`, and is no part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2]
FIXTURES = BESIDE / "shared" / "fixtures"
DATASETS = BESIDE / "shared" / "datasets"


def needs(path: Path) -> pytest.MarkDecorator:
    """Skips what it marks where this is not there, and says what is missing and where it was looked for."""
    missing = f"{path.relative_to(BESIDE)} is not beside this repository"
    return pytest.mark.skipif(not path.exists(), reason=missing)
