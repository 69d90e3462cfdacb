"""Whole systems for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import bus_access
from tests.ops.running import Up, ten_free_ports


@pytest.fixture(autouse=True)
def a_bus_that_is_away_is_soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tests are about stores alone; each would wait three seconds for a bus that is not there."""
    monkeypatch.setattr(bus_access, "DEADLINE_SECONDS", 1.0)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A system that is not started yet; whatever was started is gone afterwards."""
    system = Up(tmp_path / "var", ten_free_ports())
    yield system
    if system.process is not None and system.process.poll() is None:
        system.process.kill()
        system.process.wait()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running system with the demo shop."""
    system = Up(tmp_path_factory.mktemp("demo") / "var", ten_free_ports(), ("--autopilot", "--demo"))
    try:
        system.start()
        yield system
    finally:
        if system.process is not None:
            system.stop()
