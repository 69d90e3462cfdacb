"""Who may send: recorded vectors where present, and the same rules on vectors of our own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from services.orders.intake.signatures import SIGNATURE_HEADERS, signature, verify
from tests.recorded import FIXTURES, needs

VECTORS = FIXTURES / "signatures"
FILES = {"shopify": "shopify_webhook_hmac.json", "woocommerce": "woocommerce_webhook.json"}
REDACTED = "redacted-"
"""Stands where an e-mail address was taken out of a recorded body, after it had been signed."""
BODY = '{"id": 1, "name": "Zoë"}'.encode()


def recorded() -> list[Any]:
    if not VECTORS.is_dir():
        return []
    return [
        pytest.param(kind, case, id=f"{kind}-{case['name']}")
        for kind, name in FILES.items()
        for case in json.loads((VECTORS / name).read_bytes())["cases"]
    ]


@needs(VECTORS)
@pytest.mark.parametrize(("kind", "case"), recorded())
def test_every_recorded_verdict_is_right(kind: str, case: dict[str, Any]) -> None:
    """Vectors of the platforms' own libraries. A body that was changed after signing fits no more, by one byte."""
    headers, body = CIMultiDict(case["headers"]), case["body"].encode()
    still_valid = case["valid"] and REDACTED not in case["body"]
    assert verify(kind, [case["secret"]], body, headers) is still_valid
    if case["valid"]:
        headers[SIGNATURE_HEADERS[kind]] = signature(case["secret"], body).decode()
        assert verify(kind, [case["secret"]], body, headers)


def signed(kind: str, secret: str = "hush", body: bytes = BODY) -> CIMultiDict[str]:
    return CIMultiDict({SIGNATURE_HEADERS[kind].lower(): signature(secret, body).decode()})


@pytest.mark.parametrize("kind", SIGNATURE_HEADERS)
def test_a_genuine_body_is_taken(kind: str) -> None:
    """Header names know no case."""
    assert verify(kind, ["hush", ""], BODY, signed(kind))


@pytest.mark.parametrize("kind", SIGNATURE_HEADERS)
def test_the_secret_before_is_taken_while_it_is_changed(kind: str) -> None:
    """A channel signs with the old one until it has the new one."""
    assert verify(kind, ["new", "hush"], BODY, signed(kind))
    assert not verify(kind, ["new", "newer"], BODY, signed(kind))


def test_without_a_secret_nothing_is_genuine() -> None:
    """An empty secret must not mean that anyone may sign with the empty one."""
    assert not verify("shopify", ["", ""], BODY, signed("shopify", secret=""))


@pytest.mark.parametrize("changed", [BODY + b" ", BODY[:-1], b"", b"\xff" + BODY])
def test_a_changed_body_is_refused(changed: bytes) -> None:
    """The signature is over the raw bytes, not over what they mean."""
    assert not verify("shopify", ["hush"], changed, signed("shopify"))


@pytest.mark.parametrize("value", ["", "é", "\udcff", "=" * 5000])
def test_an_odd_header_is_refused(value: str) -> None:
    """Whatever stands there, the answer is no."""
    assert not verify("shopify", ["hush"], BODY, CIMultiDict({"X-Shopify-Hmac-Sha256": value}))


def test_two_signatures_are_refused() -> None:
    """Which of them another reader on the way believed cannot be known."""
    headers = signed("shopify")
    headers.add("X-Shopify-Hmac-Sha256", headers["X-Shopify-Hmac-Sha256"])
    assert not verify("shopify", ["hush"], BODY, headers)
