"""A maildir: one file per message, named after the notification, so that writing twice is the same file.

Delivery as the maildir format has it (cr.yp.to/proto/maildir.html): write to `tmp`, sync, rename into `new`;
the folder is synced before anything is called sent. Whatever waits while one write is running goes out with
the next, on one thread and with one sync of the folder.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from services.notify.domain.letters import Rejected, Sent
from services.notify.senders.durable import sync_files, sync_folder
from services.notify.senders.sender import Message

BATCH_MAX = 256
"""Messages written by one trip to the thread; bounds how long the first of them waits for its answer."""

type _Waiting = tuple[Message, asyncio.Future[Sent]]


class Maildir:
    """A `Sender` into `folder`, which any mail reader can open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the folders. Raises `OSError` where the place is not writable."""
        for name in ("tmp", "new", "cur"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    async def send(self, message: Message) -> Sent | Rejected:
        """Write it, durably. Raises `OSError` where the disk did not take it, and what rendering raised."""
        written: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await written

    async def was_sent(self, message_id: str) -> bool | None:
        """True when the file is there, read (`cur`) or not (`new`)."""
        return await asyncio.to_thread(self._has, message_id)

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        try:
            while batch := self._waiting[:BATCH_MAX]:
                del self._waiting[:BATCH_MAX]
                _settle(batch, await asyncio.to_thread(self._write, [message for message, _ in batch]))
        finally:
            self._writing = None

    def _write(self, messages: Sequence[Message]) -> list[Sent | Exception]:
        """On the writer's thread: draft each, sync all, rename each, sync the folder."""
        drafts = [self._draft(message) for message in messages]
        opened = [draft for draft in drafts if isinstance(draft, int)]
        try:
            sync_files(opened)
            for message, draft in zip(messages, drafts, strict=True):
                if isinstance(draft, int):
                    self._path("tmp", message).rename(self._path("new", message))
            sync_folder(self.folder / "new")
        except OSError as failure:
            return [draft if isinstance(draft, Exception) else failure for draft in drafts]
        finally:
            for file in opened:
                os.close(file)
        return [
            draft if isinstance(draft, Exception) else Sent(f"<{message.id}>")
            for message, draft in zip(messages, drafts, strict=True)
        ]

    def _draft(self, message: Message) -> int | Exception:
        """The open file with the message in it, or why it could not be written."""
        try:
            content = message.content().replace(b"\r\n", b"\n")
            return _written(self._path("tmp", message), content)
        except Exception as failure:  # noqa: BLE001 - raised to the one that waits for this message
            return failure

    def _path(self, part: str, message: Message) -> Path:
        return self.folder / part / _file_name(message.id)

    def _has(self, message_id: str) -> bool:
        name = _file_name(message_id)
        read = (entry.name.partition(":")[0] for entry in os.scandir(self.folder / "cur"))
        return (self.folder / "new" / name).exists() or name in read


def _settle(batch: Sequence[_Waiting], outcomes: Sequence[Sent | Exception]) -> None:
    for (_, written), outcome in zip(batch, outcomes, strict=True):
        if written.done():
            continue  # the caller gave up; the file is there, and it will find it when it asks
        if isinstance(outcome, Exception):
            written.set_exception(outcome)
        else:
            written.set_result(outcome)


def _written(path: Path, content: bytes) -> int:
    """A new file with this content, still open."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        while content:
            content = content[os.write(file, content) :]
    except OSError:
        os.close(file)
        raise
    return file


def _file_name(message_id: str) -> str:
    """The part before the @: it identifies the notification, whatever the shop's domain is by now."""
    return message_id.partition("@")[0]
