"""Which system a command means: flags, then the environment, then what `up` remembered, then the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.system import find, remember


@pytest.fixture(autouse=True)
def an_empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file, nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "DOORSTEP_NATS_URL",
        "DOORSTEP_CONFIG",
        "DOORSTEP_SYSTEM__PORT_BASE",
        "DOORSTEP_SYSTEM__DATA",
    ):
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_it_is_the_default_system(tmp_path: Path) -> None:
    """`make run` and `doorstep status` beside it need no flags."""
    system = find()
    assert (system.data, system.port_base) == (tmp_path / "var", 8080)
    assert system.nats_url == "nats://127.0.0.1:8088"
    assert system.url("notify") == "http://127.0.0.1:8085"


def test_the_port_base_is_remembered_in_the_data_folder(tmp_path: Path) -> None:
    """`--data` alone finds a system that was started on other ports."""
    started = find(tmp_path / "elsewhere", 9300)
    started.folder(".")
    remember(started)
    assert find(tmp_path / "elsewhere") == started


def test_a_flag_counts_more_than_memory(tmp_path: Path) -> None:
    """A person who says a port means it."""
    started = find(tmp_path, 9300)
    remember(started)
    assert find(tmp_path, 9400).port_base == 9400


def test_the_environment_moves_it_to_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same commands work against a cluster."""
    monkeypatch.setenv("DOORSTEP_NATS_URL", "nats://nats.internal:4222")
    monkeypatch.setenv("DOORSTEP_SYSTEM__SERVICES", '{"orders": "https://orders.internal/"}')
    system = find()
    assert system.nats_url == "nats://nats.internal:4222"
    assert system.url("orders") == "https://orders.internal"
    assert system.url("billing") == "http://127.0.0.1:8084"


def test_the_configuration_file_names_services_too(tmp_path: Path) -> None:
    """One file for everything."""
    (tmp_path / "doorstep.toml").write_text(
        '[system]\nport_base = 7000\n[system.services]\nbilling = "http://b:1"\n'
    )
    system = find()
    assert (system.url("billing"), system.url("orders")) == ("http://b:1", "http://127.0.0.1:7001")


def test_a_broken_memory_is_as_good_as_none(tmp_path: Path) -> None:
    """A file that was cut off by a crash must not stop the next start."""
    (tmp_path / "system.json").write_text('{"port_ba')
    assert find(tmp_path).port_base == 8080
