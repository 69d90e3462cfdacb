"""A shop that runs, as its owner and its channels see it: orders of our own making go in over HTTP and the bus.

Everything that is asked is asked from outside: HTTP, the `doorstep` command, the bus, the mail folder.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import eventually
from tests.ops.running import Up

WITHIN_SECONDS = 60.0
"""How long a step may take on a busy machine before a test calls it lost."""

SHOPIFY, WOOCOMMERCE, MARKET, PHONE = "shopify", "woocommerce", "market", "phone"
GATEWAY_COLLECTS = {
    "DOORSTEP_CHANNELS__PHONE__KIND": "canonical",
    "DOORSTEP_CHANNELS__PHONE__PAYMENT": "gateway",
}
"""The settings of a channel that collects no money itself: orders that are taken on the phone."""
SIGNED_BY = {
    SHOPIFY: "X-Shopify-Hmac-Sha256",
    WOOCOMMERCE: "X-WC-Webhook-Signature",
    MARKET: "X-Doorstep-Hmac-Sha256",
    PHONE: "X-Doorstep-Hmac-Sha256",
}
TOPIC_IN = {
    SHOPIFY: "X-Shopify-Topic",
    WOOCOMMERCE: "X-WC-Webhook-Topic",
    MARKET: "X-Doorstep-Topic",
    PHONE: "X-Doorstep-Topic",
}
DELIVERY_IN = {
    SHOPIFY: "X-Shopify-Webhook-Id",
    WOOCOMMERCE: "X-WC-Webhook-Delivery-ID",
    MARKET: "X-Doorstep-Message-Id",
    PHONE: "X-Doorstep-Message-Id",
}


ARTICLE = {"price_minor": 1190, "currency": "EUR", "vat_class": "standard", "weight_g": 400}


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """GET, or POST where there is a body. An error status is an answer like any other."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.read(), refused.headers)


@dataclass(frozen=True)
class Shop:
    """One running system."""

    up: Up

    # --- what channels do

    def webhook(self, channel: str, topic: str, body: Any, delivery: str = "", secret: str = "") -> Answer:
        """Send a signed webhook. `delivery` is the channel's own id of it."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = self.signed(channel, topic, data, delivery, secret)
        return ask(f"{self.url('orders')}/channels/{channel}/webhooks", data, headers)

    def signed(
        self, channel: str, topic: str, data: bytes, delivery: str, secret: str = ""
    ) -> dict[str, str]:
        """The headers that a channel sends with a body."""
        digest = hmac.new((secret or self.secret(channel)).encode(), data, hashlib.sha256).digest()
        headers = {SIGNED_BY[channel]: base64.b64encode(digest).decode(), TOPIC_IN[channel]: topic}
        return headers | ({DELIVERY_IN[channel]: delivery} if delivery else {})

    def secret(self, channel: str) -> str:
        """The secret that `up` drew for the channel."""
        return (self.up.data / "secrets" / channel).read_text().strip()

    # --- what programs ask

    @property
    def credentials(self) -> dict[str, str]:
        """How a program proves who it is: on this machine it need not."""
        return {}

    def url(self, service: str) -> str:
        return str(self.up.said["services"][service]["url"])

    def get(self, service: str, path: str) -> Any:
        """The JSON of a query that must succeed."""
        answer = self.fetch(service, path)
        assert answer.status == 200, (path, answer)
        return answer.json()

    def fetch(self, service: str, path: str) -> Answer:
        """Any answer."""
        return ask(self.url(service) + path, headers=self.credentials)

    def post(self, service: str, path: str, body: Any) -> Answer:
        headers = {"Content-Type": "application/json", **self.credentials}
        return ask(self.url(service) + path, json.dumps(body).encode(), headers)

    def order(self, order_id: str) -> dict[str, Any]:
        """`GET /orders/{id}`."""
        found: dict[str, Any] = self.get("orders", f"/orders/{order_id}")
        return found

    def stock(self, sku: str) -> dict[str, int]:
        """On hand, reserved and available of a SKU."""
        found = self.get("inventory", f"/stock/{sku}")
        return {name: found[name] for name in ("on_hand", "reserved", "available")}

    # --- what a person types

    def doorstep(self, *arguments: str, stdin: str | None = None) -> Any:
        """A `doorstep` command with `--json` that must succeed."""
        done = self.up.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, (arguments, done.stderr, done.stdout)
        return json.loads(done.stdout)

    def stock_up(self, folder: Path, **units: int) -> None:
        """Import SKUs and their opening stock: `stock_up(tmp_path, LAMP=10)`."""
        skus, stock = folder / "skus.csv", folder / "stock.csv"
        head = "sku,title,barcode,price,currency,vat_class,weight_g\n"
        skus.write_text(head + "".join(f"{sku},{sku.title()},,11.90,EUR,standard,400\n" for sku in units))
        stock.write_text("sku,location,quantity\n" + "".join(f"{sku},MAIN,{n}\n" for sku, n in units.items()))
        self.doorstep("import", "skus", str(skus))
        self.doorstep("import", "stock", str(stock))

    def shelve(self, **units: int) -> None:
        """The same over HTTP, for whoever starts many systems."""
        articles = [{"sku": sku, "title": sku.title(), "barcode": "", **ARTICLE} for sku in units]
        shelves = [{"sku": sku, "location": "MAIN", "quantity": n} for sku, n in units.items()]
        for sheet, found in (("skus", articles), ("stock", shelves)):
            rows = [{"line": line, **row} for line, row in enumerate(found, 2)]
            body = {"rows": rows, "actor": "ops:test", "reference": f"{sheet}.csv"}
            answer = self.post("inventory", f"/imports/{sheet}", body)
            assert answer.json()["refused"] == [], answer

    # --- what can be waited for

    def until(self, order_id: str, **wanted: Any) -> dict[str, Any]:
        """The order, once it is there and says so: `until("shopify:1", state="fulfilled")`."""
        seen: dict[str, Any] = {}

        def look() -> dict[str, Any] | None:
            answer = self.fetch("orders", f"/orders/{order_id}")
            seen.clear()
            seen.update(answer.json())
            is_so = answer.status == 200 and all(seen.get(name) == value for name, value in wanted.items())
            return seen if is_so else None

        try:
            return dict(eventually(look, WITHIN_SECONDS, f"{order_id} is {wanted}"))
        except AssertionError as late:
            raise AssertionError(f"{late}; it is {seen}") from None

    def until_told(self, order_id: str, *templates: str) -> list[dict[str, Any]]:
        """The order's notifications, once these templates are sent."""

        def look() -> list[dict[str, Any]] | None:
            rows: list[dict[str, Any]] = self.get("notify", f"/notifications?order={order_id}")[
                "notifications"
            ]
            sent = [row["template"] for row in rows if row["state"] == "sent"]
            return rows if sorted(sent) == sorted(templates) else None

        return eventually(look, WITHIN_SECONDS, f"{order_id} was told {templates}")

    def until_invoiced(self, order_id: str) -> dict[str, Any]:
        """The fulfilled order, once its invoice is known to it too."""

        def look() -> dict[str, Any] | None:
            order = self.until(order_id, state="fulfilled")
            return order if order["invoices"] else None

        return eventually(look, WITHIN_SECONDS, f"{order_id} has an invoice")

    # --- what can be looked at

    def mails(self, to: str) -> list[Message]:
        """The messages in the mail folder for one recipient."""
        files = [*(self.up.data / "mail" / "new").iterdir(), *(self.up.data / "mail" / "cur").iterdir()]
        mails = [message_from_bytes(file.read_bytes()) for file in files]
        return [mail for mail in mails if to in mail["To"]]

    def truth(self, sandbox: str) -> list[dict[str, Any]]:
        """What the `gateway` or the `carrier` itself wrote down of what it did."""
        lines = (self.up.data / "sandbox" / f"{sandbox}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def logged(self, service: str, event: str) -> list[dict[str, Any]]:
        """The lines of a service's log that are called so, oldest first."""
        text = (self.up.data / "logs" / f"{service}.log").read_text()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def behave(self, sandbox: str, **behaviour: Any) -> None:
        """Tell the `gateway` or the `carrier` how to be: `mode`, each so-many-th time, at most so often."""
        port = self.up.port_base + {"gateway": 6, "carrier": 7}[sandbox]
        answer = ask(f"http://127.0.0.1:{port}/behaviour", json.dumps(behaviour).encode())
        assert answer.status == 200, answer

    def verdicts(self) -> dict[str, str]:
        """What `doorstep verify` finds wrong: by invariant, and why."""
        done = self.up.run("verify", "--json")
        assert done.stdout, done.stderr
        found = json.loads(done.stdout)
        assert len(found["invariants"]) == 13
        return {each["id"]: each["detail"] for each in found["invariants"] if not each["holds"]}
