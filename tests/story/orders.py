"""Small orders of our own making, in the words of each channel: units of one SKU at 11.90 EUR, 19 % VAT inside."""

from __future__ import annotations

from typing import Any

UNIT_MINOR, UNIT_TAX_MINOR = 1190, 190
CREATED, CHANGED = "2026-11-21T10:00:00+01:00", "2026-11-21T10:00:01+01:00"


def euros(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def shopify_order(
    number: int | str, sku: str, units: int = 1, *, paid: bool = True, email: str = "", **more: Any
) -> dict[str, Any]:
    """What Shopify sends as `orders/create`."""
    body = {
        "id": number,
        "order_number": 1,
        "created_at": CREATED,
        "updated_at": CHANGED,
        "currency": "EUR",
        "taxes_included": True,
        "financial_status": "paid" if paid else "pending",
        "payment_gateway_names": ["shopify_payments"],
        "email": email or f"ada.{number}@example.com",
        "customer_locale": "de-DE",
        "total_discounts": "0.00",
        "total_tax": euros(units * UNIT_TAX_MINOR),
        "total_price": euros(units * UNIT_MINOR),
        "line_items": [
            {
                "id": 11,
                "product_id": 5,
                "sku": sku,
                "name": sku.title(),
                "quantity": units,
                "price": euros(UNIT_MINOR),
                "grams": 400,
                "requires_shipping": True,
                "tax_lines": [{"price": euros(units * UNIT_TAX_MINOR), "rate": 0.19, "title": "MwSt"}],
                "discount_allocations": [],
            }
        ],
        "shipping_lines": [],
        "customer": {"first_name": "Ada", "last_name": "Byron"},
        "shipping_address": {
            "name": "Ada Byron",
            "address1": "Lindenstr. 5",
            "zip": "10969",
            "city": "Berlin",
            "country_code": "DE",
        },
    }
    return body | more


def woocommerce_order(number: int, sku: str, units: int = 1, **more: Any) -> dict[str, Any]:
    """What WooCommerce sends as `order.created`: amounts net, tax beside them."""
    net, tax = euros(units * (UNIT_MINOR - UNIT_TAX_MINOR)), euros(units * UNIT_TAX_MINOR)
    body = {
        "id": number,
        "status": "processing",
        "currency": "EUR",
        "prices_include_tax": False,
        "date_created_gmt": "2026-11-21T09:00:00",
        "date_modified_gmt": "2026-11-21T09:00:01",
        "date_paid_gmt": "2026-11-21T09:00:01",
        "total": euros(units * UNIT_MINOR),
        "total_tax": tax,
        "payment_method": "stripe",
        "transaction_id": f"ch_{number}",
        "billing": {
            "first_name": "Grace",
            "last_name": "Hopper",
            "address_1": "Marktplatz 2",
            "city": "Bremen",
            "postcode": "28195",
            "country": "DE",
            "email": f"grace.{number}@example.com",
        },
        "shipping": {},
        "line_items": [
            {
                "id": 21,
                "name": sku.title(),
                "sku": sku,
                "quantity": units,
                "subtotal": net,
                "subtotal_tax": tax,
                "total": net,
                "total_tax": tax,
                "taxes": [{"id": 3, "total": tax, "subtotal": tax}],
            }
        ],
        "tax_lines": [{"rate_id": 3, "rate_percent": 19, "label": "MwSt"}],
        "shipping_lines": [],
        "fee_lines": [],
    }
    return body | more


def canonical_order(channel: str, number: str, sku: str, units: int = 1, **more: Any) -> dict[str, Any]:
    """`channels.OrderPlaced.v1`, as our own publishers send it."""
    address = {
        "name": "Mary Shelley",
        "line1": "Hafen 3",
        "city": "Kiel",
        "postcode": "24103",
        "country": "DE",
    }
    order = {
        "channel": channel,
        "channel_order_id": number,
        "placed_at": CREATED,
        "currency": "EUR",
        "prices_include_tax": True,
        "lines": [
            {
                "line_id": "1",
                "sku": sku,
                "title": sku.title(),
                "quantity": units,
                "unit_price_minor": UNIT_MINOR,
                "total_minor": units * UNIT_MINOR,
                "taxes": [{"rate": "0.19", "amount_minor": units * UNIT_TAX_MINOR, "title": "MwSt"}],
                "weight_g": 400,
            }
        ],
        "tax_minor": units * UNIT_TAX_MINOR,
        "total_minor": units * UNIT_MINOR,
        "customer": {"name": "Mary Shelley", "email": f"mary.{number}@example.com", "locale": "en"},
        "ship_to": address,
        "bill_to": address,
        "payment": {"state": "paid", "reference": f"tx-{number}"},
    }
    return {"order": order | more}
