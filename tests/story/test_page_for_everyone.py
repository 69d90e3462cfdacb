"""The page for who uses the keyboard only, hears it, prints it, has a small screen, or is cut off meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from tests.story.shop import Shop
from tests.story.test_page_in_browser import chromium as chromium
from tests.story.test_page_in_browser import part, pytestmark
from tests.story.test_page_in_browser import rose_orders as rose_orders
from tests.story.test_page_in_browser import tab as tab

__all__ = ["pytestmark"]
HELD = "/orders/shopify:9002"
UNNAMED = """() => [...document.querySelectorAll("table")].filter(
    each => !each.ariaLabel || !each.querySelector("th[scope=col]")).length"""


def refreshed(tab: Any, times: int = 2) -> None:
    """The page has asked for what is new, and shown it."""
    for _ in range(times):
        with tab.expect_response(lambda answer: "part=main" in answer.url):
            pass


def test_what_is_typed_and_where_focus_is_stay_while_the_page_is_live(rose_orders: Shop, tab: Any) -> None:
    """By keyboard alone: the form opens with Enter, and what stands in it waits until it is sent."""
    tab.goto(rose_orders.up.said["page"] + HELD)
    tab.get_by_text("Cancel this order").focus()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    tab.keyboard.type("mira")
    tab.get_by_text("Release this hold").focus()
    refreshed(tab)
    assert tab.locator("#cancel input[name=actor]").input_value() == "mira"
    assert tab.evaluate("document.activeElement.innerText") == "Release this hold"


@pytest.mark.parametrize("path", ["/", HELD])
def test_every_table_says_what_it_is_about(rose_orders: Shop, tab: Any, path: str) -> None:
    """With a name, and a heading for each column."""
    tab.goto(rose_orders.up.said["page"] + path)
    assert tab.locator("table").count() > 0
    assert tab.evaluate(UNNAMED) == 0


def test_a_printed_order_has_no_forms_and_dark_ink(rose_orders: Shop, chromium: Any) -> None:
    """Also for who works by night."""
    context = chromium.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.goto(rose_orders.up.said["page"] + HELD)
    tab.emulate_media(media="print")
    assert tab.locator("form:visible, summary:visible", has_text="Cancel this order").count() == 0
    assert not tab.get_by_role("searchbox").is_visible()
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(34, 38, 31)"
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_text_of_twice_the_size_needs_no_sideways_scrolling(
    rose_orders: Shop, chromium: Any, width: int
) -> None:
    """On the smallest phone, and on a desk."""
    context = chromium.new_context(viewport={"width": width, "height": 800})
    tab = context.new_page()
    for path in ("/", "/orders/shopify:9001", HELD):
        tab.goto(rose_orders.up.said["page"] + path)
        tab.evaluate("document.documentElement.style.fontSize = '200%'")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_who_is_cut_off_is_told_that_it_is_old(rose_orders: Shop, tab: Any) -> None:
    """And no longer when it is live again."""
    tab.goto(rose_orders.up.said["page"])
    refreshed(tab, 1)
    tab.context.set_offline(True)
    tab.get_by_role("status").get_by_text("There is no answer. What you see is from").wait_for()
    assert part(tab, "On hold").is_visible()
    tab.context.set_offline(False)
    tab.get_by_text("There is no answer").wait_for(state="detached")
