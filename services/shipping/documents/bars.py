"""The bars of a label."""

from __future__ import annotations

import barcode


def code128(text: str) -> str:
    """A Code 128 symbol (ISO/IEC 15417) as its modules from start to stop, one digit each: 1 is black."""
    (modules,) = barcode.get("code128", text).build()
    return str(modules)
