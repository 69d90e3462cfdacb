"""The page for those who use no mouse, hear it read, have large fingers, print it, or leave it open overnight."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.story.orders import shopify_order
from tests.story.shop import SHOPIFY, Shop
from tests.story.test_page_in_browser import CHROMIUM, DESK, WITHIN_MILLISECONDS, chromium, part

__all__ = ["chromium"]

TARGET_MIN = 24
"""CSS pixels, wide and high (WCAG 2.2, 2.5.8)."""
PAPER = {"width": 718, "height": 1000}
"""A4 less its margins, in CSS pixels."""
TABS_MAX = 200
TOO_SMALL = """min => [...document.querySelectorAll("a:not(.skip), button, input:not([type=hidden]), summary")]
    .filter(each => each.checkVisibility() && !each.closest("p, .why, dd"))
    .map(each => [each.innerText || each.name, each.getBoundingClientRect()])
    .filter(([, box]) => box.height < min || box.width < min).map(([name]) => name)"""
"""Links within a sentence, or beside one, are exempt."""
FOCUSED = """() => {
    const each = document.activeElement, style = getComputedStyle(each);
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return each === document.body ? null : [each.innerText || each.name, seen];
}"""
NAMELESS = """() => [...document.querySelectorAll("main a, main button, main input:not([type=hidden]), main summary")]
    .filter(each => !(each.innerText || each.ariaLabel || each.labels?.length)).map(each => each.outerHTML)"""
LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4")].map(each => Number(each.tagName[1]))"""
UNNAMED_TABLES = """() => [...document.querySelectorAll("table")].filter(
    each => !each.ariaLabel || !each.querySelector("th[scope=col]")).length"""
SHADES = """() => [...document.querySelectorAll("h1, h2, p, td, dd, summary")].filter(each => each.checkVisibility())
    .map(each => getComputedStyle(each).color.match(/[\\d.]+/g).slice(0, 3).map(Number)).map(rgb => Math.max(...rgb))"""
DARK_ENOUGH = 150
"""The lightest of our inks on white paper, per channel."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
]

PATHS = ("/", "/orders/shopify:9101", "/orders/shopify:9102", "/orders?state=held", "/approvals", "/nope")


@pytest.fixture(scope="module")
def page(shop: Shop) -> str:
    """Where the page of a shop is that has an order on its way, and one that waits for a person."""
    for number, sku in ((9101, "ROSE"), (9102, "BLUE-ROSE")):
        sent = shop.webhook(SHOPIFY, "orders/create", shopify_order(number, sku), f"delivery-{number}")
        assert sent.status == 202
    shop.until_invoiced("shopify:9101")
    shop.until("shopify:9102", state="held")
    return str(shop.up.said["page"])


@pytest.fixture
def context(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A window; a test says what is special about it."""
    window = chromium.new_context(**({"viewport": DESK} | getattr(request, "param", {})))
    window.set_default_timeout(WITHIN_MILLISECONDS)
    yield window
    window.close()


def opened(context: Any, url: str) -> Any:
    """A tab that shows a page with all that can be opened on it."""
    tab = context.new_page()
    tab.goto(url)
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    return tab


def test_every_step_with_the_keyboard_is_seen(page: str, context: Any) -> None:
    """From the first link, which leads past the head, through all of them and out again."""
    tab = context.new_page()
    tab.goto(f"{page}/orders/shopify:9102")
    passed = list[str]()
    for _ in range(TABS_MAX):
        tab.keyboard.press("Tab")
        focused = tab.evaluate(FOCUSED)
        if focused is None:
            break
        name, seen = focused
        assert seen, name
        passed.append(name)
    assert passed[0] == "To the content"
    assert {"Find", "Release this hold", "Cancel this order"} <= set(passed)
    assert len(passed) < TABS_MAX


def test_a_hold_is_released_with_the_keyboard_alone(page: str, context: Any) -> None:
    """What is asked for is named, and what came of it is told to who cannot see it."""
    tab = context.new_page()
    tab.goto(f"{page}/orders/shopify:9102")
    tab.get_by_text("Release this hold").focus()
    tab.keyboard.press("Enter")
    hold = tab.locator(".hold")
    hold.get_by_label("Who").focus()
    for word in ("mira", "the customer waits"):
        tab.keyboard.type(word)
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert "mira" in part(tab, "Its story").get_by_text("mira").first.inner_text()


@pytest.mark.parametrize("path", PATHS)
def test_everything_has_a_name_and_headings_are_in_order(page: str, context: Any, path: str) -> None:
    """As a screen reader goes through them."""
    tab = opened(context, page + path)
    assert tab.evaluate(NAMELESS) == []
    levels = tab.evaluate(LEVELS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert tab.locator("html").get_attribute("lang") == "en"
    assert tab.get_by_role("main").count() == 1
    assert " · " in tab.title()


def test_what_was_bought_has_columns_that_are_named(page: str, context: Any) -> None:
    """Nobody has to see that the last figure is an amount."""
    tab = opened(context, f"{page}/orders/shopify:9101")
    assert tab.get_by_role("columnheader").all_inner_texts() == ["Units", "Article", "Amount"]


@pytest.mark.parametrize(
    "context", [{"viewport": {"width": 320, "height": 640}, "is_mobile": True}], indirect=True
)
@pytest.mark.parametrize("path", PATHS)
def test_a_small_phone_has_room_for_large_fingers(page: str, context: Any, path: str) -> None:
    """320 pixels, as a page at 400 % on a desk has: nothing beyond the edge, and everything can be hit."""
    tab = opened(context, page + path)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert tab.evaluate(TOO_SMALL, TARGET_MIN) == []


@pytest.mark.parametrize("context", [{"viewport": PAPER, "color_scheme": "dark"}], indirect=True)
def test_on_paper_it_is_dark_on_light_and_asks_for_nothing(page: str, context: Any) -> None:
    """Whoever works by night prints as by day; what can only be clicked is left out, what is said is not."""
    tab = opened(context, f"{page}/orders/shopify:9101")
    assert min(tab.evaluate(SHADES)) > DARK_ENOUGH, "on the screen it is light on dark"
    tab.emulate_media(media="print", color_scheme="dark")
    assert max(tab.evaluate(SHADES)) < DARK_ENOUGH
    for gone in ("searchbox", "button", "textbox"):
        assert tab.get_by_role(gone).filter(visible=True).count() == 0, gone
    for kept in ("What was bought", "Money and parcels", "Its story"):
        assert part(tab, kept).is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]


def test_what_was_typed_stays_while_the_order_goes_on(page: str, shop: Shop, context: Any) -> None:
    """Somebody looks something up in the middle of a sentence: the field is left, and its text is not lost."""
    sent = shop.webhook(SHOPIFY, "orders/create", shopify_order(9103, "BLUE-ROSE"), "delivery-9103")
    assert sent.status == 202
    shop.until("shopify:9103", state="held")
    tab = opened(context, f"{page}/orders/shopify:9103")
    reason = tab.locator("#cancel").get_by_label("Why")
    reason.fill("the customer has")
    tab.get_by_text("Release this hold").focus()
    held = {"actor": "mira", "reason": "asked for"}
    assert shop.post("orders", "/orders/shopify:9103/holds", held).status == 200
    part(tab, "Its story").get_by_text("mira").first.wait_for()
    assert tab.evaluate("document.activeElement.innerText") == "Release this hold"
    assert reason.input_value() == "the customer has"


def test_who_was_signed_out_meanwhile_is_told_and_keeps_what_was_typed(page: str, context: Any) -> None:
    """The form to sign in opens beside it."""
    tab = opened(context, f"{page}/orders/shopify:9102")
    reason = tab.locator("#cancel").get_by_label("Why")
    reason.fill("the customer has")
    tab.route("**/*part=main", lambda route: route.fulfill(status=401, body="sign in at /login"))
    tab.get_by_role("status").get_by_role("link", name="sign in in a new tab").wait_for()
    assert reason.input_value() == "the customer has"
    assert tab.get_by_role("banner").count() == 1


@pytest.mark.parametrize("path", ["/", "/orders/shopify:9102"])
def test_every_table_says_what_it_is_about(page: str, context: Any, path: str) -> None:
    """With a name, and a heading for each column."""
    tab = opened(context, page + path)
    assert tab.locator("table").count() > 0
    assert tab.evaluate(UNNAMED_TABLES) == 0


@pytest.mark.parametrize("width", [320, 1280])
def test_text_of_twice_the_size_needs_no_sideways_scrolling(page: str, chromium: Any, width: int) -> None:
    """On the smallest phone, and on a desk."""
    window = chromium.new_context(viewport={"width": width, "height": 800})
    tab = window.new_page()
    for path in PATHS:
        tab.goto(page + path)
        tab.evaluate("document.documentElement.style.fontSize = '200%'")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
    window.close()


def test_without_a_connection_it_says_that_it_is_old(page: str, context: Any) -> None:
    """And stops to say so as soon as it is not."""
    tab = opened(context, page)
    context.set_offline(True)
    tab.get_by_text("There is no answer").wait_for()
    assert tab.get_by_role("heading", name="Today").is_visible()
    context.set_offline(False)
    tab.get_by_text("There is no answer").wait_for(state="detached")
