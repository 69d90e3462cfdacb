"""What the README says under "Send your first webhook", typed as it stands there, into a shop that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.page.order_page import VERSIONS
from tests.conftest import eventually
from tests.ops.retail_files import file_of, row
from tests.ops.running import REPOSITORY
from tests.story.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.long]

PART = re.compile(r"^## Send your first webhook\n(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
ITS_ORDERS = "http://127.0.0.1:8081"
WITHIN_SECONDS = 120


def blocks() -> list[str]:
    """The commands of that part, one block after the other."""
    (part,) = PART.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    return BLOCK.findall(part)


@pytest.fixture
def clone(shop: Shop, tmp_path: Path) -> Path:
    """A folder like a clone in which `make run` runs: the data in `var`, the command in `.venv/bin`."""
    (tmp_path / "var").symlink_to(shop.up.data)
    command = tmp_path / ".venv" / "bin" / "doorstep"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ops "$@"\n')
    command.chmod(0o755)
    return tmp_path


def typed(commands: str, shop: Shop, clone: Path) -> str:
    """What a shell says to these commands, of which none may fail."""
    script = commands.replace(ITS_ORDERS, shop.url("orders"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=clone,
        env=os.environ
        | {"PYTHONPATH": str(REPOSITORY), "DOORSTEP_CONFIG": str(REPOSITORY / "doorstep.toml")},
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_line_can_be_typed(shop: Shop, clone: Path) -> None:
    """From the first webhook to the story of its order, one's own events, and a retail file twice."""
    send, ask, own, retail = blocks()
    until_known = f'until curl -sf {ITS_ORDERS}/orders/"$order" >&2; do sleep 0.1; done\n'
    name, *questions = ask.splitlines(keepends=True)
    told = typed("".join((send, name, until_known, *questions)), shop, clone)
    assert "HTTP/1.1 202" in told
    assert '"channel":"shopify"' in told
    assert "shopify sent the order" in told

    said = typed(own, shop, clone)
    assert "skus: 206 accepted" in said
    assert "published: 1" in said

    ledger = file_of(clone, row(), row("C489449", quantity=-1))
    said = typed(retail.replace("FILE.csv", str(ledger)).replace("DIR", "goods"), shop, clone)
    assert "published: 2" in said
    shop.until("retail:489434", state="fulfilled")
    assert "published: 2" in typed(retail.splitlines()[-1].replace("FILE.csv", str(ledger)), shop, clone)
    eventually(lambda: is_read(shop), WITHIN_SECONDS, "orders has read what was published")
    told_again = shop.doorstep("timeline", "retail:489434")["events"]
    of_the_channel = [event["type"] for event in told_again if event["type"] in VERSIONS]
    assert of_the_channel == ["orders.OrderReceived.v1"]


def is_read(shop: Shop) -> bool:
    """Whether orders has looked at every message of the channels."""
    read: dict[str, int] = shop.up.status()["services"]["orders"]["lag"]
    return read["CHANNELS"] == 0
