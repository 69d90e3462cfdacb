"""`erase` and `export` where there is nobody, or where they would write what they are to forget."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.console import CannotDo
from ops.personal.erasing import erase
from ops.personal.exporting import export_customer
from ops.system import System


async def test_in_a_folder_that_holds_no_system_nothing_is_made(tmp_path: Path) -> None:
    """A store of keys that is made by the way would be taken for the one that was lost."""
    system = System(tmp_path, 21_000, "nats://127.0.0.1:9", {})
    with pytest.raises(CannotDo, match="name the data folder with --data"):
        await erase(system, "ada@mail.example", "dpo", "asked by letter")
    with pytest.raises(CannotDo, match="name the data folder with --data"):
        await export_customer(system, "ada@mail.example")
    assert os.listdir(tmp_path) == []


async def test_a_reason_that_would_keep_the_address_is_refused(tmp_path: Path) -> None:
    """Reasons are in events, which nobody erases."""
    system = System(tmp_path, 21_000, "nats://127.0.0.1:9", {})
    with pytest.raises(CannotDo, match="write it without an e-mail address"):
        await erase(system, "ada@mail.example", "dpo", "ada@mail.example asked by letter")
