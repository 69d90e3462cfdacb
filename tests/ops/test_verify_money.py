"""I4, I7 and I8: a second charge, a cent too much, a missing number, an unexplained payout are found."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

from chassis.bus import Bus
from tests.ops.house import broken
from tests.ops.true_story import PRICE, history, invoice


async def test_a_second_capture_of_one_payment_is_found(tmp_path: Path, bus: Bus) -> None:
    """The customer paid twice."""
    house = history()
    house.repeat("PaymentCaptured", "shop:1")
    assert "payment/shop:1 at BILLING 11: captured 2 times" in (await broken(house, tmp_path, bus))["I4"]


async def test_another_amount_than_was_due_is_found(tmp_path: Path, bus: Bus) -> None:
    """Recorded at the channel, and not what the order cost."""
    house = history()
    house.find("PaymentDue", "shop:2").facts["total_minor"] = PRICE - 1
    assert "captured 2380, due 2379" in (await broken(house, tmp_path, bus))["I4"]


async def test_a_charge_that_only_the_gateway_knows_is_found(tmp_path: Path, bus: Bus) -> None:
    """The gateway's log is the truth about the customer's money."""
    house = history()
    house.transfers.append({**house.transfers[0], "reference": "pay-shop:7"})
    found = await broken(house, tmp_path, bus)
    assert found["I4"].startswith(
        "gateway pay-shop:7: charge pay-shop:7 of 2380 EUR is not one that we asked for"
    )


async def test_a_charge_that_the_gateway_made_twice_is_found(tmp_path: Path, bus: Bus) -> None:
    """Our idempotency key did not hold."""
    house = history()
    house.transfers.append(house.transfers[0])
    assert "made twice" in (await broken(house, tmp_path, bus))["I4"]


async def test_a_charge_that_the_gateway_does_not_know_is_found(tmp_path: Path, bus: Bus) -> None:
    """We booked money that was never moved."""
    house = history()
    house.transfers.clear()
    assert "is not in the gateway's log" in (await broken(house, tmp_path, bus))["I4"]


async def test_another_amount_at_the_gateway_is_found(tmp_path: Path, bus: Bus) -> None:
    """Same reference, one cent more."""
    house = history()
    house.transfers[0] = {**house.transfers[0], "amount_minor": PRICE + 1}
    assert (
        "charge pay-shop:1 of 2381 EUR is not one that we asked for"
        in (await broken(house, tmp_path, bus))["I4"]
    )


async def test_a_charge_without_an_answer_is_pending(tmp_path: Path, bus: Bus) -> None:
    """Called, and not answered yet: the gateway's log may be ahead of ours."""
    house = history()
    started = house.repeat(
        "CaptureStarted", "shop:1", order_id="shop:8", reference="pay-shop:8", payment_id="8"
    )
    started.entity = "payment/shop:8"
    house.transfers.append({**house.transfers[0], "reference": "pay-shop:8"})
    verdicts = await house.audit(tmp_path, bus)
    assert verdicts["I4"].holds
    assert verdicts["I4"].detail == "pending 1"


async def test_a_refund_beyond_the_capture_is_found(tmp_path: Path, bus: Bus) -> None:
    """More given back than was taken."""
    house = history()
    house.repeat("PaymentRefunded", "shop:2", refund_id="shop:2/r2")
    assert "refunded 4760 of 2380 captured" in (await broken(house, tmp_path, bus))["I4"]


async def test_an_unbalanced_entry_is_found(tmp_path: Path, bus: Bus) -> None:
    """The type refuses to build one, so only a changed log can hold it; the books say by how much."""
    house = history()
    issued = house.find("InvoiceIssued")
    issued.instead = deepcopy(issued.facts)
    issued.instead["entry"]["postings"][0]["amount_minor"] += 1
    found = await broken(house, tmp_path, bus)
    assert "payment/shop:1 at BILLING 4: debits exceed credits by 1" in found["I7"]
    assert "the ledger in EUR: is off by 1" in found["I7"]


async def test_a_gap_in_the_invoice_numbers_is_found(tmp_path: Path, bus: Bus) -> None:
    """A missing number is a missing invoice to every tax office."""
    house = history()
    invoice(house, "shop:2", 3, "command/x")
    assert "INV-2026 number 3 where 2 was due" in (await broken(house, tmp_path, bus))["I7"]


async def test_an_invoice_whose_tax_does_not_add_up_is_found(tmp_path: Path, bus: Bus) -> None:
    """The groups, the sums and the total are one calculation."""
    house = history()
    house.find("InvoiceIssued").facts["tax_minor"] = 381
    found = await broken(house, tmp_path, bus)
    assert "tax_minor 381, its groups have 380" in found["I7"]
    assert "total 2380, its parts 2381" in found["I7"]


async def test_an_entry_that_moves_less_than_its_event_is_found(tmp_path: Path, bus: Bus) -> None:
    """Balanced, and still not what happened."""
    house = history()
    for posting in house.find("PaymentCaptured", "shop:2").facts["entry"]["postings"]:
        posting["amount_minor"] //= 2
    assert "its entry moves less than 2380" in (await broken(house, tmp_path, bus))["I7"]


async def test_a_payout_that_is_not_explained_to_the_cent_is_found(tmp_path: Path, bus: Bus) -> None:
    """matched + unexplained = total, always."""
    house = history()
    house.find("PayoutReported").facts["total_minor"] = 2301
    assert "matched 2300 + unexplained 0, reported 2301" in (await broken(house, tmp_path, bus))["I8"]


async def test_a_payout_whose_lines_do_not_sum_up_is_found(tmp_path: Path, bus: Bus) -> None:
    """The total is right, the lines under it are not."""
    house = history()
    house.find("PayoutReconciled").facts["matched"][0]["amount_minor"] = 2200
    assert "its lines sum to 2200, not 2300" in (await broken(house, tmp_path, bus))["I8"]


async def test_a_payout_that_nobody_explained_is_found(tmp_path: Path, bus: Bus) -> None:
    """Reported, and left alone."""
    house = history()
    house.drop("PayoutReconciled")
    assert (
        "payout/po-1 at BILLING 9: was reported and not explained"
        in (await broken(house, tmp_path, bus))["I8"]
    )
