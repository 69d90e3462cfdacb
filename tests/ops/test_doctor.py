"""`doorstep doctor`: what is broken on purpose is named, in plain words, with what to do; what is well is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.orders import HoldReason
from contracts.services import SERVICES
from ops import checks
from ops.doctor.complaints import as_shape, readable
from ops.doctor.examining import examine
from ops.doctor.looking import Copies, Found, seconds_ahead
from ops.doctor.rules import DAY, HOUR, WAITS
from ops.doctor.waiting import STAGES, Unexplained, Waiting
from tests.ops.running import REPOSITORY

GB = 1024**3
CHECKS = ("started", "store", "bus", "publish", "relay", "keys", "stream", "lag")


def a_service(**otherwise: Any) -> dict[str, Any]:
    """What a service says that is well, but for what is otherwise."""
    well: dict[str, Any] = {
        "position": 100,
        "lag": {"ORDERS": 0},
        "relay_behind": 0,
        "relay_age_seconds": 0.0,
        "parked": 0,
        "timers_late": 0,
        "timers_late_seconds": 0.0,
        "calls": {"capture": {"pending": 2, "failing": 1, "unanswered": 7}},
        "disk": {"free_bytes": 50 * GB, "size_bytes": 100 * GB},
        "checks": {check: {"ok": True} for check in CHECKS},
    }
    return well | otherwise


def failing(check: str, **found: Any) -> dict[str, Any]:
    return {"checks": {name: {"ok": name != check} for name in CHECKS} | {check: {"ok": False, **found}}}


def of_billing(**otherwise: Any) -> Found:
    return Found(services={"billing": a_service(**otherwise)})


def test_nothing_is_said_of_what_is_well() -> None:
    """A call that had no answer once, a second of clock, a little lag: the weather, not an illness."""
    found = Found(
        services={"billing": a_service(lag={"ORDERS": 900})},
        clocks={"billing": 1.0},
        copies={"billing": Copies(100, 99)},
        disks={"this machine": {"free_bytes": 3 * GB, "size_bytes": 100 * GB}},
    )
    assert examine(found) == []
    assert readable([]).startswith("all is well")


def test_where_nothing_runs_that_is_one_complaint() -> None:
    """Five times the same would hide what to do."""
    (complaint,) = examine(Found(silent=dict.fromkeys(SERVICES, "orders does not answer at http://here")))
    assert (complaint.part, complaint.severity) == ("system", "severe")
    assert "no service answers: orders does not answer" in complaint.what
    assert "doorstep up" in complaint.do


ILL: dict[str, tuple[Found, str, str]] = {
    "waits": (
        Found(starting={"billing": "billing waits for NATS at tls://nats:4222"}),
        "does not work yet: billing waits for NATS",
        "service-down",
    ),
    "silent": (Found(silent={"orders": "billing does not answer"}), "does not answer", "service-down"),
    "store": (of_billing(**failing("store")), "cannot write to its store", "store-not-writable"),
    "bus": (of_billing(**failing("bus")), "no connection to NATS", "nats-unhealthy"),
    "keys": (of_billing(**failing("keys")), "has no keys to personal data", "keys-away"),
    "starting": (of_billing(**failing("started")), "still starting", "service-down"),
    "stream": (of_billing(**failing("stream", lost=7)), "lacks messages (lost 7)", "stream-lost"),
    "far behind": (of_billing(**failing("lag", ORDERS=20_000)), "ORDERS 20000", "consumer-reset"),
    "unheard": (
        of_billing(**failing("lag", detail="no answer")),
        "does not hear from NATS",
        "nats-unhealthy",
    ),
    "behind": (of_billing(lag={"ORDERS": 1_001}), "1,001 messages behind ORDERS", "consumer-reset"),
    "relay": (of_billing(relay_behind=40, relay_age_seconds=8.0), "40 events wait", "nats-unhealthy"),
    "parked": (of_billing(parked=2), "2 messages are parked", "parked-messages"),
    "calls": (
        of_billing(calls={"capture": {"pending": 4, "failing": 3, "unanswered": 3}}),
        "`capture` fail: 3 in a row",
        "calls-failing",
    ),
    "timers": (of_billing(timers_late=5, timers_late_seconds=3600.0), "by up to 3,600 s", "timers-late"),
    "disk": (
        of_billing(disk={"free_bytes": GB, "size_bytes": 100 * GB}),
        "1,024 MB of 102,400 MB",
        "disk-full",
    ),
    "old hold": (
        Found(waiting=[Waiting("orders", "hold stock_short", 7, "shopify:1001", 3 * DAY)]),
        "7 orders are on hold, as stock is short (hold stock_short); the oldest, shopify:1001, for 3 days",
        "orders-on-hold",
    ),
    "unknown hold": (
        Found(waiting=[Waiting("orders", "hold astray", 1, "shopify:1001", 90.0)]),
        "1 order is waiting, for a reason this release does not know (hold astray)",
        "orders-on-hold",
    ),
    "payment in doubt": (
        Found(waiting=[Waiting("billing", "payment in_doubt", 1, "shopify:1001", 2 * HOUR)]),
        "nobody knows yet whether the money was collected",
        "calls-failing",
    ),
    "payout": (
        Found(payouts=[Unexplained("shopify:po_1", "EUR", -2859, 2, open=True)]),
        "payout shopify:po_1 has -28.59 EUR in 2 lines that nothing explains",
        "money-unexplained",
    ),
    "nats": (Found(nats="no space left"), "not healthy: no space left", "nats-unhealthy"),
    "one server of three": (
        Found(streams_short={"nats-1": ["SHIPPING", "ORDERS"]}),
        "its server nats-1 is away or behind, and with it a copy of ORDERS, SHIPPING",
        "nats-unhealthy",
    ),
    "fast clock": (Found(clocks={"orders": 300.0}), "300 s ahead of this machine's", "timers-late"),
    "slow clock": (Found(clocks={"orders": -300.0}), "300 s behind this machine's", "timers-late"),
    "set back": (Found(copies={"orders": Copies(90, 100)}), "the store was set back", "history-diverged"),
    "diverged": (
        Found(copies={"orders": Copies(100, 100, 100)}),
        "differ at position 100",
        "history-diverged",
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_what_to_do(illness: str) -> None:
    """One complaint, in words, with a page that there is."""
    found, words, runbook = ILL[illness]
    (complaint,) = examine(found)
    assert words in complaint.what
    assert len(complaint.do) > 20
    assert complaint.runbook == runbook
    assert (REPOSITORY / "docs" / "runbooks" / f"{runbook}.md").is_file()


YOUNG = {
    "hold": Found(waiting=[Waiting("orders", "hold stock_short", 7, "shopify:1001", 2 * DAY)]),
    "payment": Found(waiting=[Waiting("billing", "payment in_doubt", 1, "shopify:1001", HOUR)]),
    "approval": Found(waiting=[Waiting("inventory", "approval", 2, "write-off-1", DAY)]),
    "label": Found(waiting=[Waiting("shipping", "label failed", 1, "shopify:1001", HOUR)]),
    "payout that was booked back": Found(payouts=[Unexplained("shopify:po_1", "EUR", 1, 1, open=False)]),
    "call": of_billing(calls={"capture": {"pending": 4, "in_doubt": 2, "failing": 2, "unanswered": 3}}),
}


@pytest.mark.parametrize("case", YOUNG)
def test_the_days_work_is_told_and_no_illness(case: str) -> None:
    """A person reads what waits; a machine that asks whether all is well hears yes."""
    said = examine(YOUNG[case])
    assert [entry.severity for entry in said] == ["information"]
    shape = as_shape(said)
    assert (shape["healthy"], shape["complaints"], len(shape["information"])) == (True, [], 1)
    assert readable(said).startswith("all is well")
    assert f"i  {said[0].part}: {said[0].what}" in readable(said)


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        (
            Waiting("shipping", "label failed", 2, "shopify:1001", 2 * HOUR),
            "2 orders are without a label, as none could be had (label failed); the oldest, shopify:1001, for 2 hours",
        ),
        (
            Waiting("inventory", "count due", 1, "LAMP", None),
            "1 SKU is to be counted, as more units left than the books had (count due); LAMP",
        ),
    ],
    ids=["label", "count"],
)
def test_what_stands_still_without_a_hold_is_a_complaint(waiting: Waiting, words: str) -> None:
    """Nothing but a person moves it, and no list of held orders shows it."""
    (complaint,) = examine(Found(waiting=[waiting]))
    assert (complaint.what, complaint.severity) == (words, "attention")


def test_every_reason_to_wait_has_a_sentence_and_an_end() -> None:
    """A new reason of a hold gets its line in the table; each page that a line names is there."""
    kinds = {f"hold {reason.value}" for reason in HoldReason} | {f"payment {stage}" for stage in STAGES}
    assert WAITS.keys() == kinds | {"approval", "label failed", "count due"}
    assert all(len(rule.do) > 20 for rule in WAITS.values())
    pages = {rule.runbook for rule in WAITS.values() if rule.runbook}
    assert all((REPOSITORY / "docs" / "runbooks" / f"{page}.md").is_file() for page in pages)


def test_every_check_of_readiness_has_words() -> None:
    """A new check in `chassis/service.py` gets its sentence here."""
    assert checks.CHECKS.keys() == set(CHECKS)


def test_what_stops_orders_comes_first() -> None:
    """Whoever reads only the first line reads the right one."""
    found = Found(services={"billing": a_service(parked=1)}, nats="no space left")
    assert [complaint.part for complaint in examine(found)] == ["nats", "billing"]
    assert readable(examine(found)).startswith("!! nats:")


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "ahead"),
    [("2026-11-22T12:00:01Z", 0.0), ("2026-11-22T12:05:02Z", 300.0), ("2026-11-22T11:59:00Z", -60.0)],
)
def test_a_clock_is_wrong_by_what_the_question_cannot_explain(said: str, ahead: float) -> None:
    """Between asking and being answered two seconds went by: any time in between is right."""
    assert seconds_ahead(said, NOON, NOON + timedelta(seconds=2)) == ahead
