"""The page's door: signing in, its own forms only, commands in the visitor's name. Over a real orders service."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from contracts.parking import SERVICES
from ops.local_password import drawn, place
from ops.page.server import own_path, serve_page
from ops.page.sign_in import Reception
from ops.system import System
from tests.conftest import free_port
from tests.orders.situations import ID
from tests.orders.test_orders_running import PLACED
from tests.security.conftest import LOCKED, PASSWORD, Orders, Start
from tests.security.test_access import TOOL, proxied

HTML = {"Accept": "text/html"}
CANCEL = f"/orders/{ID}/cancel"
WISH = {"actor": "mira", "reason": "asked for"}


@dataclass
class Page:
    """The page, as a browser that keeps cookies sees it."""

    browser: aiohttp.ClientSession
    reception: Reception
    orders: Orders

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.browser.get(path, headers=HTML | headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "") or await answer.text()

    async def post(self, path: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
        async with self.browser.post(path, data=form, headers=headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "") or await answer.text()

    async def state(self) -> Any:
        return (await self.orders.ask("GET", f"/orders/{ID}", headers=TOOL))[1]["state"]

    async def form_token(self) -> str:
        """As it stands in the page that is shown."""
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', (await self.get("/orders"))[1])
        assert found
        return found[1]


@asynccontextmanager
async def page_over(orders: Orders, data: Path) -> AsyncIterator[Page]:
    port = free_port()
    services = dict.fromkeys(SERVICES, "http://127.0.0.1:9") | {"orders": f"http://127.0.0.1:{orders.port}"}
    async with serve_page(System(data, port, "", services)) as reception:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar) as browser:
            yield Page(browser, reception, orders)


@pytest.fixture
async def page(start_orders: Start, tmp_path: Path) -> AsyncIterator[Page]:
    """Everyone has to show a proof; one order is there."""
    orders = await start_orders(LOCKED)
    await orders.ask("POST", "/orders", json=PLACED, headers=TOOL)
    async with page_over(orders, tmp_path) as page:
        yield page


async def test_a_stranger_is_led_to_the_sign_in(page: Page) -> None:
    """A program is told instead; what customers and probes need is open."""
    assert await page.get("/orders?state=held") == (303, "/login?next=/orders?state%3Dheld")
    assert (await page.get("/", Accept="application/json"))[0] == 401
    assert (await page.post(CANCEL, WISH))[0] == 401
    assert (await page.get("/livez"))[0] == 200
    assert (await page.get("/static/page.css"))[0] == 200
    assert 'name="password"' in (await page.get("/login"))[1]


async def test_the_password_opens_it_and_signing_out_closes_it(page: Page) -> None:
    assert (await page.post("/login", {"password": "wrong", "next": "/"}))[0] == 401
    assert await page.post("/login", {"password": PASSWORD, "next": "/orders"}) == (303, "/orders")
    assert (await page.get("/orders"))[0] == 200
    (cookie,) = page.browser.cookie_jar
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert (await page.post("/logout", {"form_token": await page.form_token()}))[0] == 303
    page.browser.cookie_jar.update_cookies({cookie.key: cookie.value})
    assert (await page.get("/orders"))[0] == 303, "the session is gone, not only the cookie"


async def test_a_wrong_password_is_noted(page: Page) -> None:
    """So that somebody who guesses is seen; what was guessed is not."""
    with capture_logs() as logs:
        await page.post("/login", {"password": "guessed-by-somebody"})
    (noted,) = [line for line in logs if line["event"] == "proof_refused"]
    assert (noted["path"], noted["remote"]) == ("/login", "127.0.0.1")
    assert "guessed" not in str(logs)


async def test_behind_a_proxy_that_takes_tls_off_the_cookie_is_for_tls_only(page: Page) -> None:
    """A session must not go out in the clear because somebody typed the address without https."""
    await page.post("/login", {"password": PASSWORD}, **{"X-Forwarded-Proto": "https"})
    (cookie,) = page.browser.cookie_jar
    assert cookie["secure"]


async def test_what_is_shown_is_kept_by_no_cache(page: Page) -> None:
    """Names and addresses stand on the pages; how they look may be kept."""
    for path, kept in (("/orders", False), ("/login", False), ("/static/page.css", True)):
        async with page.browser.get(path, headers=TOOL) as answer:
            assert ("Cache-Control" not in answer.headers) == kept, path
            assert kept or answer.headers["Cache-Control"] == "no-store"


async def test_the_key_in_the_link_signs_in_once(page: Page) -> None:
    """It stands in a terminal, and may stand in its history."""
    link = f"/login?key={page.reception.one_time_key()}"
    assert await page.get(link) == (303, "/")
    assert (await page.get("/orders"))[0] == 200
    page.browser.cookie_jar.clear()
    assert (await page.get(link))[0] == 401
    assert (await page.get("/login?key="))[0] == 200


async def test_a_form_counts_only_with_the_token_of_its_session(page: Page) -> None:
    """Neither without one, nor with that of another session."""
    await page.post("/login", {"password": PASSWORD})
    other = await page.form_token()
    page.browser.cookie_jar.clear()
    await page.post("/login", {"password": PASSWORD})
    before = await page.orders.stored()
    for form in (WISH, WISH | {"form_token": other}, WISH | {"form_token": "ü"}):
        assert (await page.post(CANCEL, form))[0] == 403
    mine = {"form_token": await page.form_token()}
    assert (await page.post(CANCEL, WISH | mine, Origin="https://evil.example"))[0] == 403
    assert await page.orders.stored() == before
    assert (await page.post(CANCEL, WISH | mine))[0] == 303
    assert await page.state() == "cancelled"


async def test_who_a_proxy_names_acts_in_that_name_and_with_those_roles(page: Page) -> None:
    """The form's actor does not count, and a viewer cannot command by the page's own rights."""
    mine = {"form_token": page.reception.form_token("caller jon")}
    status, said = await page.post(CANCEL, WISH | mine, **proxied("jon", "viewer"))
    assert (status, said) == (403, "this needs the role operator")
    assert (await page.post(CANCEL, WISH | mine, **proxied("jon", "operator")))[0] == 303
    _, told = await page.orders.ask("GET", f"/ops/events?entity=order/{ID}", headers=TOOL)
    assert told["events"][-1]["data"]["actor"] == "jon"


async def test_it_says_what_a_browser_may_do_with_it(page: Page) -> None:
    """No inline script, no frame of another site, nothing sniffed."""
    for path in ("/login", "/livez", "/static/page.js"):
        async with page.browser.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'self'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"


async def test_a_form_has_its_limits(page: Page) -> None:
    """More than a person types is refused before it is read."""
    await page.post("/login", {"password": PASSWORD})
    assert (await page.post(CANCEL, WISH | {"reason": "x" * 20_000}))[0] == 413


@pytest.mark.parametrize("to", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/\r\nX: y"])
def test_signing_in_leads_to_this_page_only(to: str) -> None:
    assert own_path(to) == "/"


def test_the_password_is_drawn_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """43 characters, 256 bits; the folder is closed too."""
    first = drawn(tmp_path).read_text()
    assert drawn(tmp_path).read_text() == first
    assert len(first.strip()) == 43
    assert place(tmp_path).stat().st_mode & 0o777 == 0o600
    assert place(tmp_path).parent.stat().st_mode & 0o777 == 0o700
