"""Real orders that others recorded, from the channel's bytes to the invoice. Skipped where they are absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.billing import InvoiceIssued
from services.orders.domain.bill import bill_of
from services.orders.intake.reading import Placed
from tests.billing.makers import billing, requested
from tests.orders.intake.bodies import reading
from tests.orders.intake.test_intake_fixtures import (
    DO_NOT_ADD_UP,
    ORDERS,
    TOPICS,
    dated,
    files,
    orders,
)
from tests.recorded import needs

TAX_IS_NOT_ITS_RATES = "shopifyjs_order_2024-04"
"""One vendor's documentation: lines of 199.00 at 6 % that say 3.98 of tax."""

pytestmark = needs(ORDERS)
CASES = [pytest.param(kind, path, id=f"{kind}-{path.stem}") for kind in TOPICS for path in files(kind)]


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_a_recorded_order_is_invoiced_to_the_minor_unit(kind: str, path: Path) -> None:
    """Over what the channel charged, balanced, with taxes that its rates explain."""
    for order in orders(json.loads(path.read_bytes()), kind):
        found = reading(kind, TOPICS[kind], dated(order))
        if not isinstance(found, Placed) or path.name in DO_NOT_ADD_UP or not found.order.lines:
            continue
        placed, bill = found.order, bill_of(found.order)
        asked = requested(order="shopify:1", currency=placed.currency, total=placed.total_minor, ships=False)
        asked = asked.model_copy(update={"bill": bill})
        *_, invoice = billing.when(asked).events
        assert isinstance(invoice, InvoiceIssued), invoice
        assert invoice.total_minor == placed.total_minor
        assert invoice.net_minor + invoice.tax_minor + invoice.rounding_minor == placed.total_minor
        assert sum(line.net_minor or 0 for line in invoice.lines) == invoice.net_minor
        assert not sum(posting.amount_minor for posting in invoice.entry.postings)
        assert not invoice.vat_note or path.name.startswith(TAX_IS_NOT_ITS_RATES)
