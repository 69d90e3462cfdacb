"""Publishing where orders cannot be asked which channels there are: the bus alone must do."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.services import SERVICES
from ops.publishing.known_channels import doubt_about
from ops.system import System

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system whose services are out of reach, and a configuration that names one channel."""
    monkeypatch.setenv("DOORSTEP_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("DOORSTEP_CHANNELS__PHONE__KIND", "canonical")
    return System(tmp_path, 8080, "nats://127.0.0.1:9", dict.fromkeys(SERVICES, NOBODY))


async def test_a_channel_that_our_own_configuration_names_is_not_doubted(unreachable: System) -> None:
    """From the environment as well as from the file."""
    assert await doubt_about(unreachable, "phone") == ""


async def test_any_other_is_published_too_and_doubted(unreachable: System) -> None:
    """Whose services are elsewhere has not their configuration; what becomes of a mistake is said."""
    doubt = await doubt_about(unreachable, "shop")
    assert doubt.startswith(
        "nobody could say whether shop is a channel; if it is none, its messages are parked"
    )
    assert f"orders does not answer at {NOBODY}" in doubt
