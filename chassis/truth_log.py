"""What a sandbox really did: one JSON line for each thing, on disk before it is answered.

Appended to only. Lines that arrive together share one fsync. A torn last line (killed while writing) was never
answered, and is cut off when the log is opened.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson


class TruthLog:
    """An append-only file of records. `records` is what it holds, oldest first."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self.records: list[dict[str, Any]] = self._read(path)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def _read(self, path: Path) -> list[dict[str, Any]]:
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        os.ftruncate(self._file, whole)
        return [orjson.loads(line) for line in data[:whole].splitlines()]

    async def append(self, record: dict[str, Any]) -> None:
        """Known at once to this process; returns when it is on disk."""
        self.records.append(record)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((orjson.dumps(record) + b"\n", done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def settled(self) -> None:
        """Return when everything appended so far is on disk."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await asyncio.to_thread(self._sync, b"".join(line for line, _ in batch))
                except OSError as fault:
                    for _, done in batch:
                        done.set_exception(fault)
                    continue
                for _, done in batch:
                    done.set_result(None)
        finally:
            self._writing = None

    def _sync(self, lines: bytes) -> None:
        os.write(self._file, lines)
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
