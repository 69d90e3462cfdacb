"""What the demo has played, kept over restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Memory:
    """`next_order`: the number of the order to play next. `settled`: records of the gateway already paid out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    @property
    def next_order(self) -> int:
        """The number of the order to play next, from 0."""
        return int(self._kept.get("next_order", 0))

    @next_order.setter
    def next_order(self, n: int) -> None:
        self._keep("next_order", n)

    @property
    def settled(self) -> int:
        """How many of the gateway's records are in payouts already."""
        return int(self._kept.get("settled", 0))

    @settled.setter
    def settled(self, records: int) -> None:
        self._keep("settled", records)

    @property
    def payouts(self) -> int:
        """How many payouts were reported."""
        return int(self._kept.get("payouts", 0))

    @payouts.setter
    def payouts(self, n: int) -> None:
        self._keep("payouts", n)

    def _keep(self, name: str, value: int) -> None:
        self._kept[name] = value
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._kept) + "\n")
        fresh.replace(self._path)
