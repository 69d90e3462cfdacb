"""A demo order as Shopify's webhooks say it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ops.demo.customers import Customer
from ops.demo.orders import DemoOrder, Line


def shopify_body(order: DemoOrder, cancelled_at: datetime | None = None) -> dict[str, Any]:
    """As Shopify's `orders/create` and `orders/cancelled` say it: prices with tax, the tax inside each line."""
    address = _shopify_address(order.customer)
    return {
        "id": order.number,
        "name": f"#{order.number}",
        "order_number": order.number,
        "created_at": order.placed_at.isoformat(),
        "processed_at": order.placed_at.isoformat(),
        "updated_at": (cancelled_at or order.placed_at).isoformat(),
        "cancelled_at": cancelled_at.isoformat() if cancelled_at else None,
        "cancel_reason": "customer" if cancelled_at else None,
        "currency": order.currency,
        "presentment_currency": order.currency,
        "taxes_included": True,
        "financial_status": "paid" if order.paid else "pending",
        "fulfillment_status": None,
        "payment_gateway_names": ["shopify_payments"] if order.paid else [],
        "email": order.customer.email,
        "contact_email": order.customer.email,
        "customer_locale": f"en-{order.customer.country.code}",
        "subtotal_price": order.amount(sum(line.total_minor for line in order.lines)),
        "total_line_items_price": order.amount(sum(line.total_minor for line in order.lines)),
        "total_discounts": order.amount(0),
        "total_tax": order.amount(order.tax_minor),
        "total_price": order.amount(order.total_minor),
        "customer": {
            "id": 7_000_000 + order.number,
            "email": order.customer.email,
            "first_name": order.customer.first_name,
            "last_name": order.customer.last_name,
        },
        "shipping_address": address,
        "billing_address": address,
        "line_items": [_shopify_line(order, n, line) for n, line in enumerate(order.lines, start=1)],
        "shipping_lines": [
            {
                "id": order.number * 100,
                "title": order.shipping.title,
                "code": "STANDARD",
                "price": order.amount(order.shipping.total_minor),
                "discounted_price": order.amount(order.shipping.total_minor),
                "tax_lines": _shopify_taxes(order, order.shipping),
            }
        ],
        "refunds": [],
        "discount_codes": [],
    }


def _shopify_line(order: DemoOrder, n: int, line: Line) -> dict[str, Any]:
    return {
        "id": order.number * 100 + n,
        "sku": line.sku,
        "title": line.title,
        "name": line.title,
        "quantity": line.quantity,
        "price": order.amount(line.unit_minor),
        "total_discount": order.amount(0),
        "discount_allocations": [],
        "grams": line.weight_g,
        "requires_shipping": True,
        "taxable": True,
        "gift_card": False,
        "tax_lines": _shopify_taxes(order, line),
    }


def _shopify_taxes(order: DemoOrder, line: Line) -> list[dict[str, Any]]:
    return [{"title": "VAT", "rate": float(line.rate), "price": order.amount(line.tax_minor)}]


def _shopify_address(customer: Customer) -> dict[str, Any]:
    return {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "name": customer.name,
        "company": None,
        "address1": customer.street,
        "address2": None,
        "city": customer.city,
        "zip": customer.postcode,
        "province": None,
        "province_code": None,
        "phone": None,
        "country_code": customer.country.code,
    }
