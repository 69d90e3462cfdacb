"""One's own first order: a small Shopify-shaped body with a valid signature, and the curl line that sends it; and the
same in our canonical schema, for `doorstep publish`.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ops.channels import headers_of, sign
from ops.demo.canonical import canonical_event
from ops.demo.orders import sample_order
from ops.demo.shop import SHOPIFY_DOMAIN, skus_csv, stock_csv
from ops.demo.shopify import shopify_body
from ops.system import System

CHANNEL, PUBLISHED = "shopify", "market"


@dataclass(frozen=True, slots=True)
class Sample:
    """A body on disk and the command that delivers it."""

    path: Path
    curl: str


def write_sample(system: System, secret: str, now: datetime) -> Sample:
    """Write `<data>/samples/shopify-order.json`, an order of its own for each start, and sign it.

    Beside it, `order.json` is a canonical one, and `skus.csv` and `stock.csv` have the goods that they ask for.
    """
    order = sample_order(now)
    body = json.dumps(shopify_body(order), indent=1, ensure_ascii=False).encode()
    path = system.folder("samples") / "shopify-order.json"
    path.write_bytes(body)
    path.with_name("order.json").write_bytes(
        canonical_event(replace(order, channel=PUBLISHED)).to_bytes() + b"\n"
    )
    path.with_name("skus.csv").write_text(skus_csv())
    path.with_name("stock.csv").write_text(stock_csv())
    headers = headers_of(
        CHANNEL, "orders/create", f"sample-{order.number}", SHOPIFY_DOMAIN, sign(secret, body)
    )
    return Sample(path, curl_line(f"{system.url('orders')}/channels/{CHANNEL}/webhooks", headers, path))


def curl_line(url: str, headers: dict[str, str], path: Path) -> str:
    """One line for a shell."""
    said = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", "-sS", "-i", url, *said, "--data-binary", f"@{path}"])
