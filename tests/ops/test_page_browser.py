"""The page in a real browser, over a real system that plays the demo."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ops.running import Up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
A_MINUTE_MILLISECONDS = 75_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A tab of a desktop's size that collects what goes wrong in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.faults = []
    tab.on("pageerror", lambda fault: tab.faults.append(str(fault)))
    tab.on("console", lambda message: tab.faults.append(message.text) if message.type == "error" else None)
    yield tab
    assert tab.faults == []
    context.close()


def section(page: Any, name: str) -> Any:
    """A part of the first page by its heading."""
    return page.get_by_role("region", name=name)


def test_within_a_minute_everything_is_visible_without_reload(demo: Up, page: Any, tmp_path: Path) -> None:
    """Orders on their way, parcels, invoices, messages, a payout reconciled, a hold with its reason, health."""
    page.goto(demo.said["page"])
    page.evaluate("window.neverReloaded = true")
    for name, text in (
        ("Payouts", "reconciled"),
        ("On hold", "stock short"),
        ("On hold", "sku unmapped"),
        ("Parcels", "SB0"),
        ("Invoices", "INV-"),
        ("Messages", "Order confirmed"),
        ("Latest orders", "shopify:"),
    ):
        section(page, name).get_by_text(text).first.wait_for(timeout=A_MINUTE_MILLISECONDS)
    assert page.evaluate("window.neverReloaded") is True
    assert section(page, "Services").get_by_text("ready", exact=True).count() == 5
    steps = [int(figure.replace(",", "")) for figure in page.locator(".flow .figure").all_inner_texts()]
    assert len(steps) == 7
    assert min(steps) > 0
    assert steps[0] == max(steps)
    assert len(page.screenshot(path=tmp_path / "today.png", full_page=True)) > 20_000


def test_a_hold_leads_to_the_order_and_its_story_in_words(demo: Up, page: Any) -> None:
    """Who has to do what, and how it came to it, across the services."""
    page.goto(demo.said["page"])
    row = section(page, "On hold").get_by_role("listitem").filter(has_text="stock short").first
    row.wait_for(timeout=A_MINUTE_MILLISECONDS)
    row.get_by_role("link").first.click()
    page.get_by_text("On hold: stock short").wait_for()
    story = section(page, "Its story")
    assert story.get_by_text("LAMP-COPPER: 3 asked").first.is_visible()
    assert {"orders", "inventory", "notify"} <= set(story.locator(".service").all_inner_texts())


def test_documents_and_messages_open_from_the_page(demo: Up, page: Any) -> None:
    """The invoice is a PDF; the message is shown as its recipient sees it, and runs no script."""
    page.goto(demo.said["page"])
    invoice = section(page, "Invoices").get_by_role("link").first
    invoice.wait_for(timeout=A_MINUTE_MILLISECONDS)
    document = page.request.get(demo.said["page"] + invoice.get_attribute("href"))
    assert (document.headers["content-type"], document.body()[:5]) == ("application/pdf", b"%PDF-")
    section(page, "Messages").get_by_role("link", name="Order confirmed").first.click()
    page.frame_locator("iframe").get_by_text("Thank you for your order").wait_for()


def test_a_phone_shows_it_without_sideways_scrolling(demo: Up, browser: Any) -> None:
    """The person on the warehouse floor has no desk."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, color_scheme="dark")
    tab = context.new_page()
    tab.goto(demo.said["page"])
    section(tab, "Latest orders").get_by_role("link").first.wait_for(timeout=A_MINUTE_MILLISECONDS)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_an_order_nobody_knows_is_said_so(demo: Up, page: Any) -> None:
    """Through the search field, with a way back."""
    page.goto(demo.said["page"])
    page.get_by_role("searchbox").fill("shopify:does-not-exist")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("heading", name="There is no order shopify:does-not-exist").wait_for()
    page.get_by_role("link", name="Back to today").click()
    page.get_by_role("heading", name="Today").wait_for()
    page.faults.clear()  # the 404 itself is what was asked for


def test_a_form_from_another_site_is_refused(demo: Up, page: Any) -> None:
    """The page answers on this machine only, but the browser on it visits other sites too."""
    target = f"{demo.said['page']}/orders/shopify:1001/cancel"
    answer = page.request.post(
        target, form={"actor": "x", "reason": "x"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status == 403
    rebound = page.request.get(demo.said["page"], headers={"Host": "evil.example"})
    assert rebound.status == 421
