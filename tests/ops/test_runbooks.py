"""Every command in a runbook works: the trouble is made, the page is followed to the letter, and all is well again."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from chassis.batch import Batch, NewEvent
from chassis.bus import connect
from chassis.chain import chained
from chassis.sqlite_store import SQLiteStore
from ops.__main__ import main as doorstep
from ops.demo.orders import demo_order
from tests.ops.running import REPOSITORY, Up, eventually, ten_free_ports
from tests.ops.test_cli_restore import feed
from tests.ops.test_cli_up import NOW, load_shop, until_fulfilled

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
BLOCK = re.compile(r"^## (?P<part>\w+)|^```sh\n(?P<commands>.*?)^```", re.MULTILINE | re.DOTALL)
PROSE = re.compile(r"`(doorstep [^`]+)`")
LOOKED_FOR = re.compile(r"\bgrep -h (\w+)")
NOT_THERE = re.compile("command not found|No such file")
COMMAND = re.compile(r"\bdoorstep ((?:\"[^\"]*\"|[^;|&>)\n\"])+)")
BLOCK_SECONDS_MAX = 150
STRICT = {"Look": "-eu", "Do": "-euo pipefail", "Check": "-euo pipefail"}
"""How bash is told to stop at what fails, by the part; a search of the logs may find nothing."""
PARTS = tuple(STRICT)


@dataclass(frozen=True)
class Block:
    """Commands of a page, and the part they stand in. In `Look`, a command may fail where something is wrong."""

    part: str
    commands: str


def blocks(page: Path) -> list[Block]:
    """A page's commands in order."""
    found, part = [], ""
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        part = match["part"] or part
        if match["commands"]:
            found.append(Block(part, match["commands"]))
    return found


COMMON = "in-a-cluster.md"
"""What the last section of every page stands on (`tests/deploy/test_runbooks_in_a_cluster.py`): no runbook itself."""
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.name != COMMON)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_the_symptom_where_to_look_what_to_do_and_how_to_check(page: Path) -> None:
    """In this order, each with its commands; short enough for a bad night."""
    text = page.read_text(encoding="utf-8")
    assert "**Symptom.**" in text.partition("## Look")[0]
    assert tuple(dict.fromkeys(block.part for block in blocks(page))) == PARTS
    assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_doorstep_command_of_a_page_exists(page: Path) -> None:
    """Names, arguments and options, without running anything."""
    found = [command for block in blocks(page) for command in COMMAND.findall(block.commands)]
    assert found
    named = [shlex.split(command)[1:] for command in PROSE.findall(" ".join(page.read_text().split()))]
    for arguments in (*map(shlex.split, found), *named):
        parse(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_looks_for_in_the_logs_is_written_there(page: Path) -> None:
    """A word that nobody logs any more would be looked for in vain, and its absence taken for good news."""
    sources = "".join(
        path.read_text() for where in ("chassis", "services") for path in (REPOSITORY / where).rglob("*.py")
    )
    words = LOOKED_FOR.findall(page.read_text())
    assert [word for word in words if f'"{word}' not in sources] == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    """So that the test above means something."""
    for wrong in (["heal", "orders", "--strem"], ["heel"], ["audit", "sign"], ["park", "retry", "x"]):
        with pytest.raises(TyperException):
            parse(wrong)


def parse(arguments: list[str]) -> None:
    """Let typer read a command line, through groups, to its end. Raises `TyperException` for one that is wrong."""
    command: Any = typer.main.get_command(doorstep)
    name, context = "doorstep", None
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not isinstance(command, TyperGroup):
            return
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])


def is_plain(number: int) -> bool:
    """Whether this order of the demo is sent by `feed` and goes the whole way by itself."""
    order = demo_order(number, NOW)
    return order.channel in ("shopify", "market") and order.paid and not order.twist


@dataclass
class Shop:
    """A small real system in a folder, as the runbooks take it: its data in `var`, ten ports of its own."""

    up: Up
    orders: int = 0

    @property
    def folder(self) -> Path:
        return self.up.data.parent

    def follow(self, block: Block, *, may_fail: bool) -> None:
        """Run the commands of a block in one shell. One that may fail has to be there nevertheless."""
        said = self.sh(block.commands, "-u" if may_fail else STRICT[block.part])
        told = f"{block.commands}\n{said.stdout}\n{said.stderr}"
        assert said.returncode == 0 or may_fail, told
        assert not NOT_THERE.search(said.stderr), told

    def sh(self, commands: str, flags: str = "-euo pipefail") -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = os.environ | {
            "PATH": path,
            "PYTHONPATH": str(REPOSITORY),
            "DOORSTEP_SYSTEM__PORT_BASE": str(self.up.port_base),
        }
        return subprocess.run(
            ["bash", *flags.split(), "-c", commands],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS_MAX,
        )

    def stop(self) -> None:
        """End whatever runs, as the pages do."""
        self.sh('flock --nonblock var/up.lock true || { kill "$(cat var/up.lock)"; flock var/up.lock true; }')

    def start(self) -> None:
        self.sh("nohup doorstep up --autopilot > up.log 2>&1 &\nuntil doorstep status; do sleep 1; done")

    def sell(self) -> None:
        """One more order comes in and goes out."""
        wanted = (number for number in count(self.orders) if is_plain(number))
        number = next(wanted)
        self.orders = number + 1
        (order_id,) = feed(self.up, range(number, number + 1))
        until_fulfilled(self.up, order_id)

    def on_the_bus(self, act: Callable[..., object]) -> None:
        """Do something as an administrator of the bus would."""

        async def once() -> None:
            async with connect(self.up.said["nats"], "operator") as bus:
                await act(bus.jetstream)  # type: ignore[misc]

        asyncio.run(once())

    def store(self, service: str) -> Path:
        return self.folder / "var" / "stores" / f"{service}.sqlite"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Running, with a few orders that have gone the whole way. Each page leaves it running and well."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(Up(folder / "var", ten_free_ports()))
    try:
        shop.up.start()
        load_shop(shop.up, folder)
        shop.sell()
        yield shop
    finally:
        shop.stop()
        if shop.up.process is not None:
            shop.up.process.kill()
            shop.up.process.wait()


def lose_a_stream(shop: Shop) -> None:
    shop.on_the_bus(lambda jetstream: jetstream.delete_stream("NOTIFY"))


def lose_a_store(shop: Shop) -> None:
    shop.stop()
    for left in shop.folder.glob("var/stores/inventory.sqlite*"):
        left.unlink()


def lose_a_consumer(shop: Shop) -> None:
    shop.on_the_bus(lambda jetstream: jetstream.delete_consumer("ORDERS", "billing"))


def damage_a_store(shop: Shop) -> None:
    shop.stop()
    shop.store("notify").write_bytes(b"not a database " * 500)


def let_a_history_fork(shop: Shop) -> None:
    """Yesterday's notify comes back, after a checkpoint of today, and says something of its own: it stops."""
    shop.stop()
    shutil.copy(shop.store("notify"), shop.folder / "yesterday.sqlite")
    shop.start()
    shop.sell()
    assert shop.sh("doorstep audit checkpoint").returncode == 0
    shop.stop()
    for left in shop.folder.glob("var/stores/notify.sqlite*"):
        left.unlink()
    shutil.copy(shop.folder / "yesterday.sqlite", shop.store("notify"))
    with closing(SQLiteStore(shop.store("notify"))) as store:
        (last,) = store.recent((), 1)
        own = NewEvent(
            last.position + 1, last.entity, last.version + 1, last.type, last.data, last.raw_headers
        )
        store.commit(Batch(events=chained(store.last_link(), [own])))
    shop.sh("nohup doorstep up --autopilot > up.log 2>&1 &")
    log = shop.folder / "var" / "logs" / "notify.log"
    eventually(lambda: "which this store never wrote" in log.read_text(), 60, "notify stops, and says why")


def damage_the_keys(shop: Shop) -> None:
    """After a backup of them; orders says that it is not ready."""
    assert shop.sh("doorstep backup-keys keys-backup").returncode == 0
    shop.stop()
    for left in shop.folder.glob("var/keys/keys.sqlite*"):
        left.write_bytes(b"not a database " * 500)
    shop.sh("nohup doorstep up --autopilot > up.log 2>&1 &")
    log = shop.folder / "var" / "logs" / "orders.log"
    eventually(lambda: '"keys_away"' in log.read_text(), 60, "orders says that the keys are away")


def park_a_message(shop: Shop) -> None:
    nonsense = shop.up.run(
        "publish", "--channel", "shopify", "--topic", "orders/create", "--stdin", stdin="{}"
    )
    assert nonsense.returncode == 0, nonsense.stderr
    eventually(lambda: shop.up.status()["services"]["orders"]["parked"], 20, "it is parked")


def send_with_another_secret(shop: Shop) -> None:
    """Six deliveries, one more than the alert waits for."""
    port, wrong = shop.up.port_base + 1, {"X-Shopify-Hmac-Sha256": "AAAA", "X-Shopify-Topic": "orders/create"}
    for _ in range(6):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(
                urllib.request.Request(
                    f"http://127.0.0.1:{port}/channels/shopify/webhooks", data=b"{}", headers=wrong
                ),
                timeout=10,
            )


def nothing_in_particular(shop: Shop) -> None:
    assert shop.up.status()["services"]["orders"]["ready"]


TROUBLE: dict[str, Callable[[Shop], None]] = {
    "stream-lost": lose_a_stream,
    "store-lost": lose_a_store,
    "consumer-reset": lose_a_consumer,
    "disk-full": nothing_in_particular,
    "restart-everything": nothing_in_particular,
    "restore-one-service": damage_a_store,
    "history-diverged": let_a_history_fork,
    "parked-messages": park_a_message,
    "keys-away": damage_the_keys,
    "service-down": nothing_in_particular,
    "nats-unhealthy": nothing_in_particular,
    "calls-failing": nothing_in_particular,
    "timers-late": nothing_in_particular,
    "money-unexplained": nothing_in_particular,
    "orders-on-hold": nothing_in_particular,
    "store-not-writable": nothing_in_particular,
    "waiting-for-people": nothing_in_particular,
    "webhooks-refused": send_with_another_secret,
    "standby-missing": nothing_in_particular,
    "database-copy-away": nothing_in_particular,
    "page-away": nothing_in_particular,
    "job-unfinished": nothing_in_particular,
    "certificate-expires": nothing_in_particular,
}
"""What is wrong when a page is opened. Disks that are really full are among the faults (`tests/faults`)."""


def test_there_is_trouble_for_every_page() -> None:
    """A new page gets its trouble here."""
    assert {page.stem for page in PAGES} == TROUBLE.keys()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TROUBLE)
def test_following_the_page_ends_the_trouble(shop: Shop, name: str) -> None:
    """Every command in order; then the shop sells as before."""
    trouble = TROUBLE[name]
    trouble(shop)
    for block in blocks(RUNBOOKS / f"{name}.md"):
        shop.follow(block, may_fail=block.part == "Look" and trouble is not nothing_in_particular)
    shop.sell()
