"""Two people, really: over a running service, its page and the command line, with and without a door."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from contracts.inventory import WriteOffApproved
from contracts.parking import SERVICES
from ops.approvals import decide, list_waiting, readable
from ops.asking import Refused
from ops.console import CannotDo
from ops.page.server import serve_page
from ops.system import System
from services.inventory.wiring import build
from tests.conftest import free_port
from tests.security.conftest import LOCKED, Served, StartService
from tests.security.test_access import TOOL, proxied

NO_WRITE_OFF_ALONE = "[inventory]\nwrite_off_limit_units = 0\n"
SKU = {"line": 2, "sku": "LAMP/1", "price_minor": 2000, "currency": "EUR"}
STOCK = {"line": 2, "sku": "LAMP/1", "location": "MAIN", "quantity": 5}
COUNT = {"sku": "LAMP/1", "location": "MAIN", "quantity": -2, "reason": "broken", "reference": "COUNT/3"}
ID = "MAIN/LAMP%2F1/COUNT/3"
"""As the service names it; in a path it is quoted once more."""
APPROVE = f"/approvals/{quote(ID, safe='')}/approve"


@dataclass
class Inventory(Served):
    """The inventory service, and the system that the operators' tools see."""

    tool: dict[str, str] = field(default_factory=dict)
    """What this system's own tools show: nothing where there is no door."""
    page_port: int = field(default_factory=free_port)

    @property
    def system(self) -> System:
        """A system in which no other service answers."""
        others = dict.fromkeys(SERVICES, "http://127.0.0.1:9")
        url = f"http://127.0.0.1:{self.port}"
        return System(self.running.settings.data, self.page_port, "", others | {"inventory": url})

    async def on_hand(self) -> int:
        status, shown = await self.ask("GET", f"/stock/{quote('LAMP/1', safe='')}", headers=self.tool)
        assert status == 200
        return int(shown["on_hand"])


type Start = Callable[[str], Awaitable[Inventory]]


@pytest.fixture
def start(start_service: StartService) -> Start:
    """Starts the service with a configuration; five lamps are there."""

    async def started(configuration: str) -> Inventory:
        inventory = await start_service(Inventory, build, NO_WRITE_OFF_ALONE + configuration)
        inventory.tool = TOOL if configuration else {}
        for sheet, row in (("skus", SKU), ("stock", STOCK)):
            body = {"rows": [row], "actor": "setup", "reference": f"{sheet}.csv"}
            path = f"/imports/{sheet}"
            assert (await inventory.ask("POST", path, json=body, headers=inventory.tool))[0] == 200
        return inventory

    return started


async def adjust(inventory: Inventory, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    return await inventory.ask("POST", "/stock/adjustments", json=body, headers=headers)


async def test_with_a_door_the_two_are_who_the_door_says(start: Start) -> None:
    """The one who counts cannot approve, whatever role or name they claim; finance can, once, and is recorded."""
    inventory = await start(LOCKED)
    status, asked = await adjust(inventory, COUNT, proxied("anna", "operator"))
    assert (status, [event["type"] for event in asked["events"]]) == (202, ["inventory.WriteOffRequested.v1"])
    assert (asked["events"][0]["data"]["actor"], asked["stock"]["on_hand"]) == ("anna", 5)

    why = {"reason": "I saw the pieces"}
    for body, headers, expected in (
        (why, proxied("mira", "operator"), 403),
        (why, proxied("mira", "viewer"), 403),
        (why, {}, 401),
        (why, proxied("anna", "finance"), 409),
        (why, proxied("anna", "admin"), 409),
        (why | {"actor": "mira"}, proxied("anna", "admin"), 403),
    ):
        assert (await inventory.ask("POST", APPROVE, json=body, headers=headers))[0] == expected, headers
    assert await inventory.on_hand() == 5

    status, done = await inventory.ask("POST", APPROVE, json=why, headers=proxied("mira", "finance"))
    assert (status, [event["data"]["actor"] for event in done["events"]]) == (200, ["mira", "anna"])
    assert await inventory.on_hand() == 3


async def test_without_a_door_they_are_who_they_say(start: Start) -> None:
    """One machine, no sign-in: the rule still asks for two names, and the refusal is a sentence."""
    inventory = await start("")
    assert (await adjust(inventory, COUNT | {"actor": "anna"}, {}))[0] == 202
    signed = {"actor": "Anna", "reason": "quickly"}
    status, refused = await inventory.ask("POST", APPROVE, json=signed)
    assert (status, refused["state"]) == (409, "waiting")
    assert refused["error"] == "anna asked for this write-off: somebody else has to approve or deny it"
    assert (await inventory.ask("POST", APPROVE, json=signed | {"actor": "mira"}))[0] == 200


async def test_the_command_line_lists_and_decides(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A service that is away hides nothing of the others; who asked is refused in the service's words."""
    inventory = await start("")
    await adjust(inventory, COUNT | {"actor": "anna"}, {})
    (waiting,) = await list_waiting(inventory.system)
    assert (waiting["id"], waiting["service"], waiting["amount_minor"]) == (ID, "inventory", 4000)
    assert "not looked at: billing does not answer" in capsys.readouterr().err
    assert f"{ID}  -2 LAMP/1 at MAIN (COUNT/3), 40.00 EUR: anna asks, broken" in readable([waiting])

    with pytest.raises(CannotDo, match="nothing waits as MAIN/LAMP"):
        await decide(inventory.system, "MAIN/LAMP", "approve", "mira", "seen")
    with pytest.raises(CannotDo, match="--reason is recorded"):
        await decide(inventory.system, ID, "approve", "mira", " ")
    with pytest.raises(Refused, match="somebody else has to approve or deny it"):
        await decide(inventory.system, ID, "approve", "anna", "seen")
    await decide(inventory.system, ID, "deny", "mira", "they are under the table")
    assert await list_waiting(inventory.system) == []
    assert readable([]) == "nothing waits for a second person"
    assert await inventory.on_hand() == 5


@asynccontextmanager
async def page_over(inventory: Inventory) -> AsyncIterator[aiohttp.ClientSession]:
    async with serve_page(inventory.system):
        jar = aiohttp.CookieJar(unsafe=True)
        url = f"http://127.0.0.1:{inventory.system.port('page')}"
        async with aiohttp.ClientSession(url, cookie_jar=jar) as browser:
            yield browser


async def shown(browser: aiohttp.ClientSession, path: str) -> str:
    async with browser.get(path, headers={"Accept": "text/html"}) as answer:
        return await answer.text()


async def test_the_page_shows_what_waits_and_takes_the_decision(start: Start) -> None:
    """The first page counts it, its own page has the two buttons, and says what the service answered."""
    inventory = await start("")
    async with page_over(inventory) as browser:
        assert "second person" not in await shown(browser, "/")
        await adjust(inventory, COUNT | {"actor": "anna"}, {})
        assert '<a href="/approvals">1 for a second person</a>' in await shown(browser, "/")
        page = await shown(browser, "/approvals")
        assert "anna asks: broken" in page
        assert "€40.00" in page
        token = re.search(r'name="form_token" value="([^"]*)"', page)
        assert token
        form = {"part": ID, "form_token": token[1], "reason": "seen"}
        for actor, says in (("anna", "somebody else has to approve or deny it"), ("mira", "Done")):
            async with browser.post("/approvals/inventory/approve", data=form | {"actor": actor}) as answer:
                assert says in await answer.text()
        assert "Nothing waits" in await shown(browser, "/approvals")
        for path in ("/approvals/orders/approve", "/approvals/inventory/forget"):
            async with browser.post(path, data=form | {"actor": "mira"}) as answer:
                assert answer.status == 404
    assert await inventory.on_hand() == 3


async def form_token(browser: aiohttp.ClientSession, user: str) -> str:
    """What this user's forms carry, whatever the role."""
    headers = proxied(user, "finance") | {"Accept": "text/html"}
    async with browser.get("/approvals", headers=headers) as answer:
        found = re.search(r'name="form_token" value="([^"]*)"', await answer.text())
    assert found
    return found[1]


async def test_the_page_decides_in_the_name_of_who_signed_in(start: Start) -> None:
    """What a form says of the actor counts for nothing there; without the role there is no decision."""
    inventory = await start(LOCKED)
    await adjust(inventory, COUNT, proxied("anna", "operator"))
    async with page_over(inventory) as browser:
        for user, groups, expected in (
            ("mira", "operator", 403),
            ("anna", "finance", 200),
            ("mira", "finance", 200),
        ):
            headers = proxied(user, groups) | {"Accept": "text/html"}
            async with browser.get("/approvals", headers=headers) as answer:
                assert ("This needs the role finance" in await answer.text()) == (groups != "finance")
            form = {"part": ID, "form_token": await form_token(browser, user), "actor": "x", "reason": "seen"}
            async with browser.post("/approvals/inventory/approve", data=form, headers=headers) as answer:
                assert answer.status == expected, (user, groups)
    (approved,) = await inventory.running.runtime.recent(WriteOffApproved)
    assert approved.event.actor == "mira"  # type: ignore[attr-defined]
