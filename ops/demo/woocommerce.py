"""A demo order as WooCommerce's webhooks say it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ops.demo.customers import Customer
from ops.demo.orders import DemoOrder, Line


def woocommerce_body(order: DemoOrder) -> dict[str, Any]:
    """As WooCommerce's `order.created` says it: lines without tax, the tax beside them, the total with both."""
    address = _woocommerce_address(order.customer)
    shipping_tax = order.shipping.tax_minor
    return {
        "id": order.number,
        "number": str(order.number),
        "status": "processing" if order.paid else "pending",
        "currency": order.currency,
        "prices_include_tax": True,
        "date_created_gmt": order.placed_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_modified_gmt": order.placed_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_paid_gmt": order.placed_at.strftime("%Y-%m-%dT%H:%M:%S") if order.paid else None,
        "discount_total": "0.00",
        "discount_tax": "0.00",
        "shipping_total": order.amount(order.shipping.total_minor - shipping_tax),
        "shipping_tax": order.amount(shipping_tax),
        "cart_tax": order.amount(order.tax_minor - shipping_tax),
        "total": order.amount(order.total_minor),
        "total_tax": order.amount(order.tax_minor),
        "payment_method": "stripe" if order.paid else "cod",
        "payment_method_title": "Card" if order.paid else "Pay later",
        "transaction_id": f"ch_{order.number}" if order.paid else "",
        "billing": {**address, "email": order.customer.email, "phone": ""},
        "shipping": address,
        "line_items": [_woocommerce_line(order, n, line) for n, line in enumerate(order.lines, start=1)],
        "tax_lines": _woocommerce_rates(order),
        "shipping_lines": [
            {
                "id": order.number * 100,
                "method_title": order.shipping.title,
                "method_id": "flat_rate",
                "total": order.amount(order.shipping.total_minor - shipping_tax),
                "total_tax": order.amount(shipping_tax),
                "taxes": [{"id": _rate_id(order.shipping.rate), "total": order.amount(shipping_tax)}],
            }
        ],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
    }


def _woocommerce_line(order: DemoOrder, n: int, line: Line) -> dict[str, Any]:
    net, tax = order.amount(line.total_minor - line.tax_minor), order.amount(line.tax_minor)
    return {
        "id": order.number * 100 + n,
        "name": line.title,
        "sku": line.sku,
        "product_id": 400 + n,
        "variation_id": 0,
        "quantity": line.quantity,
        "subtotal": net,
        "subtotal_tax": tax,
        "total": net,
        "total_tax": tax,
        "price": float(Decimal(line.total_minor - line.tax_minor) / line.quantity / 100),
        "taxes": [{"id": _rate_id(line.rate), "total": tax, "subtotal": tax}],
        "meta_data": [],
    }


def _woocommerce_rates(order: DemoOrder) -> list[dict[str, Any]]:
    rates = sorted({line.rate for line in (*order.lines, order.shipping)})
    return [
        {
            "id": _rate_id(rate),
            "rate_id": _rate_id(rate),
            "rate_code": f"{order.customer.country.code}-VAT-{rate}",
            "label": "VAT",
            "compound": False,
            "rate_percent": float(rate * 100),
            "tax_total": order.amount(sum(line.tax_minor for line in order.lines if line.rate == rate)),
            "shipping_tax_total": order.amount(
                order.shipping.tax_minor if order.shipping.rate == rate else 0
            ),
        }
        for rate in rates
    ]


def _woocommerce_address(customer: Customer) -> dict[str, str]:
    return {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "company": "",
        "address_1": customer.street,
        "address_2": "",
        "city": customer.city,
        "state": "",
        "postcode": customer.postcode,
        "country": customer.country.code,
    }


def _rate_id(rate: Decimal) -> int:
    return int(rate * 1000)
