"""Who holds a lock: a process, told so that nobody takes another one for it, and ended when it stands still.

A process id alone may long belong to somebody else. With the moment of its start, and the kernel and the process
namespace it counts in, it is one process for ever.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SIGNED = re.compile(r"holder (?P<place>\S+) (?P<pid>\d+) (?P<started>\d+)")
_STARTED_FIELD = 22 - 3
"""Of /proc/PID/stat, counted from behind the name, which may hold blanks (proc_pid_stat(5))."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One process: where its id counts, its id, and its start in ticks since the machine's."""

    place: str
    pid: int
    started: int

    @classmethod
    def me(cls) -> Self:
        """This process. Where there is no /proc the place is `-`, and nobody is ended from there."""
        return cls(_place(), os.getpid(), _started(os.getpid()))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Whoever signed somewhere in a text; None if nobody did."""
        found = _SIGNED.search(text)
        return cls(found["place"], int(found["pid"]), int(found["started"])) if found else None

    def __str__(self) -> str:
        """The signature."""
        return f"holder {self.place} {self.pid} {self.started}"

    def end(self) -> bool:
        """SIGKILL it, if it counts where we do and still is the one that signed; tells whether it did."""
        if self.place == "-" or self.place != _place():
            return False
        with suppress(ProcessLookupError, PermissionError):
            process = os.pidfd_open(self.pid)  # from here on the id cannot come to mean another one
            try:
                if _started(self.pid) == self.started:
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    return True
            finally:
                os.close(process)
        return False


def _place() -> str:
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    return "-"


def _started(pid: int) -> int:
    with suppress(OSError):
        behind_the_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return int(behind_the_name.split()[_STARTED_FIELD])
    return 0
