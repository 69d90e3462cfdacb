"""A start that cannot succeed says why in one line and ends with an exit code; it does not leave half a system."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.running import REPOSITORY, doorstep, ten_free_ports

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def start(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, timeout=90
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed, and said one line with these words in it."""
    assert done.returncode not in (0, None), done
    assert done.returncode > 0, "it was not killed, it gave up"
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert [word for word in words if word not in lines[0]] == [], lines[0]


def test_a_taken_port(tmp_path: Path) -> None:
    """Named with who wants it, and how to choose others."""
    base = ten_free_ports()
    with socket.create_server(("127.0.0.1", base + 3)):
        done = start([*doorstep("up", "--json"), "--data", str(tmp_path / "var"), "--port-base", str(base)])
    assert_one_line(done, f"port {base + 3}", "shipping", "--port-base")
    assert done.stdout == ""


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Named, with the way out."""
    (tmp_path / "var").write_text("a file where the folder should be")
    base = ten_free_ports()
    done = start([*doorstep("up"), "--data", str(tmp_path / "var"), "--port-base", str(base)])
    assert_one_line(done, str(tmp_path / "var"), "not writable", "--data")


def test_a_missing_nats_server(tmp_path: Path) -> None:
    """The interpreter of another environment, without the wheel that brings it."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to(sys.executable)
    here = os.pathsep.join(path for path in (str(REPOSITORY), *sys.path) if path)
    command = [str(python), "-m", "ops", "up", "--data", str(tmp_path / "var")]
    done = start(
        [*command, "--port-base", str(ten_free_ports())],
        PATH=str(tmp_path / "bin"),
        PYTHONPATH=here,
    )
    assert_one_line(done, "nats-server is missing", "make install")


def test_a_service_whose_bus_is_away(tmp_path: Path) -> None:
    """Whoever started it, a supervisor or a person, reads in its last line which bus did not answer."""
    bus = f"nats://127.0.0.1:{ten_free_ports() + 8}"
    done = start(
        [sys.executable, "-m", "services.orders"],
        DOORSTEP_SYSTEM__DATA=str(tmp_path),
        DOORSTEP_SYSTEM__BUS_WITHIN_SECONDS="0.5",
        DOORSTEP_NATS_URL=bus,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"orders: no NATS server at {bus}"), done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    """With its table, its field and what was given; a service with a wrong setting never serves."""
    done = start(
        [sys.executable, "-m", "services.shipping"],
        DOORSTEP_SYSTEM__DATA=str(tmp_path),
        DOORSTEP_SHIPPING__CARRIER="Pigeon Post",
    )
    assert_one_line(done, "shipping.carrier", "Pigeon Post")
