"""The page where the services' stores are out of its reach, as in a container of its own: it asks for all it shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.conftest import eventually, free_port
from tests.ops.running import REPOSITORY
from tests.story.orders import shopify_order
from tests.story.shop import SHOPIFY, WITHIN_SECONDS, Answer, Shop, ask

ORDER = "shopify:9100"
SHOWN_WITHIN_SECONDS = 3.0
"""One for whoever is not waited for any longer, the rest for a busy machine."""


@pytest.fixture(scope="module")
def page(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python -m ops.page` with an empty data folder of its own, told where the services are."""
    port = free_port()
    elsewhere = {
        "DOORSTEP_SYSTEM__DATA": str(tmp_path_factory.mktemp("elsewhere")),
        "DOORSTEP_SYSTEM__PORT_BASE": str(port),
        "DOORSTEP_SYSTEM__SERVICES": json.dumps({name: shop.url(name) for name in shop.up.said["services"]}),
    }
    command = [sys.executable, "-m", "ops.page"]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | elsewhere)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(url), WITHIN_SECONDS, "the page answers")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    """Whether somebody listens there already."""
    try:
        return ask(f"{url}/livez").status == 200
    except OSError:
        return False


def test_an_order_tells_its_story_through_all_five_services(shop: Shop, page: str) -> None:
    """Each service is asked for what it has of the order; no store is opened."""
    assert shop.webhook(SHOPIFY, "orders/create", shopify_order(9100, "ROSE"), "delivery-9100").status == 202
    shop.until_invoiced(ORDER)
    shop.until_told(ORDER, "order_confirmed", "parcel_dispatched")
    shown: Answer = ask(f"{page}/orders/{ORDER}")
    assert shown.status == 200
    html = shown.body.decode()
    told = [name for name in shop.up.said["services"] if f'<span class="service">{name}</span>' in html]
    assert told == list(shop.up.said["services"])
    assert "Reserved: 1 × ROSE" in html


def test_an_order_is_found_by_whatever_number_stands_on_its_papers(shop: Shop, page: str) -> None:
    """A customer on the phone reads from a mail, an invoice or a label; nobody says `shopify:` first."""
    order = shop.until_invoiced(ORDER)
    (parcel,), (invoice,) = order["fulfilment"]["parcels"], order["invoices"]
    for number in ("9100", "%239100", ORDER, invoice, parcel["tracking_number"]):
        assert f"<h1>{ORDER}</h1>" in ask(f"{page}/orders?id={number}").body.decode(), number
    nobody = ask(f"{page}/orders?id=INV-1999-000001")
    assert (nobody.status, "There is no order INV-1999-000001" in nobody.body.decode()) == (404, True)


def test_steps_that_cannot_be_counted_are_left_out(page: str) -> None:
    """Seven noughts would say that nothing happened today."""
    html = ask(page).body.decode()
    assert "All five services are well" in html
    assert 'class="flow"' not in html


def test_a_service_that_stands_still_is_named_and_not_waited_for(shop: Shop, page: str) -> None:
    """All are asked side by side; what the others say is shown, and nothing is said in its name."""
    billing = shop.up.status()["services"]["billing"]["pid"]
    os.kill(billing, signal.SIGSTOP)
    try:
        started = time.monotonic()
        html = ask(page).body.decode()
        seconds = time.monotonic() - started
    finally:
        os.kill(billing, signal.SIGCONT)
    assert '<p class="well not">billing does not answer</p>' in html
    assert '<span class="health down">does not answer</span>' in html
    assert html.count('<span class="health up">ready</span>') == 4
    assert "No invoice yet." not in html
    assert seconds < SHOWN_WITHIN_SECONDS
