"""The messages of a backup back into CHANNELS, before anybody reads it or publishes to it.

Cut off anywhere, the next attempt goes on behind what is there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chassis.bus import Bus, BusAway
from chassis.login import Login, configured
from chassis.names import Names
from chassis.settings import SettingsWrong
from chassis.settings import system as settings
from chassis.stream_put_back import Kept, PlaceTaken, PutBack, ends_of
from ops.bus_access import connected
from ops.console import CannotDo, Progress
from ops.copies.channels import CHANNELS, ends_at, first_of, kept_in, newest_of, read_by_orders, waiting_copy
from ops.copies.manifest import messages_of
from ops.system import System

WINDOW, WINDOW_BYTES = 500, 4 << 20
USER = "channels"
"""Who may publish on CHANNELS and do nothing else (`deploy/nats/permissions.py`)."""


async def restore_channels(system: System, folder: Path, seed: Path | None = None) -> dict[str, Any]:
    """Put the messages of the backup in a folder back; returns how many were published, and how many it has.

    We look as the configured user, and publish as the user `channels` where the file of its `seed` is named. Raises
    `CannotDo` for a backup without whole messages or without all that orders has read, and where the stream holds, or
    would hold, something else.
    """
    copy, has = messages_of(folder)
    return {"published": await _put_back(system, copy, seed), "messages": has}


async def put_back_waiting(system: System) -> int:
    """Publish what a restore left for `doorstep up`; returns how many, 0 where nothing waits. Raises `CannotDo`."""
    copy = waiting_copy(system)
    if not copy.exists():
        return 0
    published = await _put_back(system, copy)
    copy.unlink()
    return published


async def _put_back(system: System, copy: Path, seed: Path | None = None) -> int:
    if (beginning := first_of(copy)) is None:
        return 0
    try:
        async with connected(system, "restore") as looking, _publishing(system, looking, seed) as publishing:
            last = await _last(looking, copy, beginning)
            _require_all_that_was_read(system, max(last, ends_at(copy)))
            return await _publish(PutBack(publishing), kept_in(copy, last + 1 - beginning))
    except BusAway as away:
        raise CannotDo(f"the channel messages of the backup could not be put back: {away}") from None


def _require_all_that_was_read(system: System, last: int) -> None:
    """Orders reads on from where it was: at a number that another message would have by then."""
    if (read := read_by_orders(system)) > last:
        raise CannotDo(
            f"orders has read {CHANNELS} up to {read}, and this backup ends at {last}: name a newer one, or let the "
            f"stream begin behind what was read, with `python -m chassis.bootstrap --channels-from {read + 1}`"
        )


@asynccontextmanager
async def _publishing(system: System, looking: Bus, seed: Path | None) -> AsyncIterator[Bus]:
    if seed is None:
        yield looking
        return
    proof = {"nats_user": Names(settings().cell).user(USER), "nats_seed": _text(seed)}
    login = Login.model_validate(proof | {"nats_ca_file": configured().nats_ca_file})
    try:
        async with connected(system, "restore-channels", login) as bus:
            yield bus
    except SettingsWrong as wrong:
        raise CannotDo(f"{seed}: {wrong}") from None


def _text(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise CannotDo(f"the seed in {path} cannot be read: {fault}") from None
    if not text:
        raise CannotDo(f"there is no seed in {path}")
    return text


async def _last(bus: Bus, copy: Path, beginning: int) -> int:
    """The stream's last sequence. Raises `CannotDo` for one that holds, or would hold, something else than the copy."""
    ends = await ends_of(bus, CHANNELS)
    make = f"`python -m chassis.bootstrap --channels-from {beginning}`"
    if ends is None:
        raise CannotDo(f"there is no stream {CHANNELS} yet: {make} makes it")
    there, first, last = ends
    if first != beginning:
        raise CannotDo(
            f"{CHANNELS} begins at {first}, and the messages of the backup at {beginning}: new streams are needed, "
            f"made by {make}"
        )
    newest = newest_of(copy, there)
    message = await bus.message(CHANNELS, newest.seq) if newest else None
    if newest and (message is None or message.data != newest.data):
        raise CannotDo(
            f"{CHANNELS} holds {there} messages that are not those of the backup: make the streams anew, and restore "
            "before anybody publishes"
        )
    return last


async def _publish(stream: PutBack, missing: Iterable[Kept]) -> int:
    published, progress = 0, Progress("putting back channel messages")
    for window in _windows(missing):
        try:
            await stream.publish(window)
        except PlaceTaken:
            raise CannotDo(
                f"somebody else publishes to {CHANNELS} before {window[0].seq} is back: stop them first"
            ) from None
        except BusAway as away:
            raise CannotDo(
                f"{published} channel messages are back, then: {away}; run this again, it goes on from there. (Where "
                f"only the user `{USER}` may publish, name its seed with --seed-file.)"
            ) from None
        published += len(window)
        progress.reached(published)
    return published


def _windows(messages: Iterable[Kept]) -> Iterator[list[Kept]]:
    """What is stored at once: bounded, for the server keeps it in memory until it is whole."""
    window, size = list[Kept](), 0
    for message in messages:
        if window and (len(window) == WINDOW or size + len(message.data) > WINDOW_BYTES):
            yield window
            window, size = [], 0
        window.append(message)
        size += len(message.data)
    if window:
        yield window
