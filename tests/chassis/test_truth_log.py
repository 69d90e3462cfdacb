"""A sandbox's truth: what was answered is on disk, what was not is gone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from chassis.truth_log import TruthLog


async def test_what_is_appended_is_on_disk_in_order_and_read_again(tmp_path: Path) -> None:
    """Many at once share their syncs, and still stand one after the other."""
    path = tmp_path / "truth.jsonl"
    log = TruthLog(path)
    await asyncio.gather(*(log.append({"number": number}) for number in range(200)))
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == list(range(200))
    log.close()
    assert TruthLog(path).records == [{"number": number} for number in range(200)]


async def test_a_torn_last_line_never_happened(tmp_path: Path) -> None:
    """Whoever was killed while writing had not answered yet: the half line must not spoil the next one."""
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b'{"number": 1}\n{"num')
    log = TruthLog(path)
    await log.append({"number": 2})
    log.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"number": 1}, {"number": 2}]
