"""The page of the running shop in a real browser: what a person sees of it, while orders come in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually
from tests.story.contrast import too_faint
from tests.story.orders import shopify_order
from tests.story.shop import SHOPIFY, WITHIN_SECONDS, Shop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WITHIN_MILLISECONDS = WITHIN_SECONDS * 1000
HINT_AND_ROOM = """field => {
    const style = getComputedStyle(field), ruler = document.createElement("canvas").getContext("2d");
    ruler.font = `${style.fontSize} ${style.fontFamily}`;
    const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    return [ruler.measureText(field.placeholder).width, field.clientWidth - padding];
}"""
"""How wide the text in an empty field is, and how wide it may be, in pixels."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Headless, the machine's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab on a desk's screen. A script that fails in it fails the test."""
    context = chromium.new_context(viewport=DESK)
    context.set_default_timeout(WITHIN_MILLISECONDS)
    tab, faults = context.new_page(), []
    tab.on("pageerror", lambda fault: faults.append(str(fault)))
    yield tab
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def rose_orders(shop: Shop) -> Shop:
    """Rose 9001 is on its way to its customer; 9002 waits for an article that nobody knows."""
    assert shop.webhook(SHOPIFY, "orders/create", shopify_order(9001, "ROSE"), "delivery-9001").status == 202
    assert (
        shop.webhook(SHOPIFY, "orders/create", shopify_order(9002, "BLUE-ROSE"), "delivery-9002").status
        == 202
    )
    shop.until_invoiced("shopify:9001")
    shop.until("shopify:9002", state="held")
    return shop


def part(tab: Any, name: str) -> Any:
    """A part of the page, by its heading."""
    return tab.get_by_role("region", name=name)


def steps(tab: Any) -> dict[str, int]:
    """How many of today's orders reached each step, as shown."""
    shown = tab.locator(".flow li").all()
    return {
        step.locator(".step").inner_text(): int(step.locator(".figure").inner_text().replace(",", ""))
        for step in shown
    }


def test_orders_are_seen_by_step_and_the_held_one_with_its_reason(
    rose_orders: Shop, tab: Any, tmp_path: Path
) -> None:
    """What a person looks for first: how far today's orders are, and which of them needs somebody."""
    tab.goto(rose_orders.up.said["page"])
    assert eventually(lambda: all(steps(tab).values()), WITHIN_SECONDS, "an order has got through every step")
    counted = steps(tab)
    assert len(counted) >= 5
    assert next(iter(counted.values())) == max(counted.values()), "nothing gets further than it came in"
    hold = part(tab, "On hold").get_by_role("listitem").filter(has_text="shopify:9002")
    assert "sku unmapped" in hold.inner_text()
    assert "BLUE-ROSE" in hold.inner_text()
    parcels = part(tab, "Parcels").inner_text()
    assert "shopify:9001" in parcels
    assert part(tab, "Services").get_by_text("ready", exact=True).count() == 5
    assert_is_a_picture(tab, tmp_path / "today.png")


def test_a_new_order_appears_without_a_reload(rose_orders: Shop, tab: Any) -> None:
    """Somebody leaves the page open all day; where they are in it stays."""
    tab.goto(rose_orders.up.said["page"])
    part(tab, "On hold").get_by_role("link", name="shopify:9002").focus()
    tab.evaluate("window.neverReloaded = true")
    received = next(iter(steps(tab).values()))
    body = shopify_order(9003, "ROSE")
    assert rose_orders.webhook(SHOPIFY, "orders/create", body, "delivery-9003").status == 202
    part(tab, "Latest orders").get_by_text("shopify:9003").first.wait_for()
    assert eventually(lambda: next(iter(steps(tab).values())) > received, WITHIN_SECONDS, "it is counted")
    assert tab.evaluate("window.neverReloaded") is True
    assert tab.evaluate("document.activeElement.innerText") == "shopify:9002"


def test_an_order_s_page_tells_its_story(rose_orders: Shop, tab: Any, tmp_path: Path) -> None:
    """What was bought, where it stands, and every step of all five services, with links to its papers."""
    tab.goto(rose_orders.up.said["page"] + "/orders/shopify:9001")
    assert "11.90" in part(tab, "What was bought").inner_text()
    story = part(tab, "Its story")
    told = set(story.locator(".service").all_inner_texts())
    assert told == {"orders", "inventory", "billing", "shipping", "notify"}
    (invoice,) = rose_orders.order("shopify:9001")["invoices"]
    link = part(tab, "Money and parcels").get_by_role("link", name=invoice)
    paper = tab.request.get(rose_orders.up.said["page"] + link.get_attribute("href"))
    assert paper.body().startswith(b"%PDF-")
    assert_is_a_picture(tab, tmp_path / "order.png")


def test_a_hold_can_be_looked_at_where_it_is_decided(rose_orders: Shop, tab: Any, tmp_path: Path) -> None:
    """From the first page to the order: the reason, its owner, and what can be done about it."""
    tab.goto(rose_orders.up.said["page"])
    part(tab, "On hold").get_by_role("link", name="shopify:9002").click()
    tab.get_by_text("On hold: sku unmapped").wait_for()
    assert tab.get_by_text("Cancel this order").is_visible()
    assert_is_a_picture(tab, tmp_path / "held.png")


def test_a_payout_opens_with_each_line_and_what_is_left_over(rose_orders: Shop, tab: Any) -> None:
    """From the first page: the capture it pays with its order, the fee, and the line that nothing explains."""
    charge = line("charge", "shopify:9001", 1190, 30)
    surprise = line("adjustment", "CB-1", -500, 0)
    statement = {
        "provider": "shopify",
        "payout_id": "po-9001",
        "currency": "EUR",
        "total_minor": 1190 - 30 - 500,
        "lines": [charge, surprise],
    }
    assert rose_orders.post("billing", "/payouts", statement).status == 200
    tab.goto(rose_orders.up.said["page"])
    part(tab, "Payouts").get_by_role("link", name="po-9001").click()
    tab.get_by_role("heading", name="po-9001").wait_for()
    lines = part(tab, "Lines").get_by_role("listitem").all_inner_texts()
    assert "capture pay-shopify:9001-1 of order shopify:9001: €11.60, after a fee of €0.30" in lines[0]
    assert "−€5.00 left over" in lines[1]
    assert "an adjustment that no capture, refund or fee explains" in part(tab, "Left over").inner_text()
    part(tab, "Lines").get_by_role("link", name="shopify:9001").click()
    part(tab, "Its story").wait_for()


def line(kind: str, reference: str, gross: int, fee: int) -> dict[str, Any]:
    """A line of a statement."""
    amounts = {"gross_minor": gross, "fee_minor": fee, "net_minor": gross - fee}
    return {"kind": kind, "reference": reference} | amounts


def test_what_is_not_there_is_said_in_a_sentence(rose_orders: Shop, tab: Any) -> None:
    """404, what was looked for, and the way back."""
    answer = tab.goto(rose_orders.up.said["page"] + "/orders/nope:1")
    assert answer.status == 404
    assert tab.get_by_role("heading", name="There is no order nope:1").is_visible()
    tab.get_by_role("link", name="Back to today").click()
    tab.get_by_role("heading", name="Today").wait_for()


def test_a_phone_shows_what_each_service_has_parked(rose_orders: Shop, chromium: Any) -> None:
    """The figure that calls for a person must not be the one that is out of sight."""
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, device_scale_factor=2, is_mobile=True
    )
    tab = context.new_page()
    tab.goto(rose_orders.up.said["page"])
    parked = part(tab, "Services").locator("[data-title=parked]").all()
    boxes = [box for figure in parked if (box := figure.bounding_box())]
    assert len(boxes) == 5
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 360 for box in boxes), boxes
    context.close()


def test_a_phone_shows_the_whole_hint_of_the_search_field(rose_orders: Shop, chromium: Any) -> None:
    """What is cut off is no hint."""
    context = chromium.new_context(viewport={"width": 360, "height": 740}, is_mobile=True)
    tab = context.new_page()
    tab.goto(rose_orders.up.said["page"])
    hint, room = tab.get_by_role("searchbox").evaluate(HINT_AND_ROOM)
    assert 0 < hint <= room
    context.close()


@pytest.mark.parametrize("path", ["/", "/orders/shopify:9001", "/orders/shopify:9002"])
def test_a_phone_needs_no_sideways_scrolling(
    rose_orders: Shop, chromium: Any, tmp_path: Path, path: str
) -> None:
    """In the warehouse nobody has a desk."""
    context = chromium.new_context(viewport=PHONE, device_scale_factor=2, is_mobile=True)
    tab = context.new_page()
    tab.goto(rose_orders.up.said["page"] + path)
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert_is_a_picture(tab, tmp_path / "phone.png")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_told_from_what_is_behind_it(rose_orders: Shop, chromium: Any, scheme: str) -> None:
    """By day and by night, and by those whose eyes are not what they were."""
    context = chromium.new_context(viewport=DESK, color_scheme=scheme, reduced_motion="reduce")
    tab = context.new_page()
    for path in (
        "/",
        "/orders/shopify:9001",
        "/orders/shopify:9002",
        "/orders?state=held",
        "/approvals",
        "/nope",
    ):
        tab.goto(rose_orders.up.said["page"] + path)
        assert too_faint(tab) == [], path
    context.close()


def assert_is_a_picture(tab: Any, file: Path) -> None:
    """Kept for whoever wants to look; an empty page would be smaller."""
    assert len(tab.screenshot(path=file, full_page=True)) > 10_000
