"""`doorstep doctor`: what is broken on purpose is named, in plain words, with what to do; what is well is not."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from contracts.orders import HoldReason
from ops.doctor.complaints import Complaint, as_shape, readable
from ops.doctor.examining import WHY, examine
from ops.doctor.looking import Copies, Found, seconds_ahead
from ops.doctor.rules import DAY, HOUR, WAITS
from ops.doctor.waiting import STAGES, Unexplained, Waiting
from tests.conftest import free_port
from tests.ops.running import REPOSITORY, Up, eventually, ten_free_ports
from tests.ops.test_cli_restore import feed
from tests.ops.test_cli_up import load_shop

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


ILL: dict[str, tuple[Found, str, str]] = {
    "silent": (Found(silent={"orders": "billing does not answer"}), "does not answer", "service-down"),
    "store": (of_billing(**failing("store")), "cannot write to its store", "disk-full"),
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
    assert WHY.keys() == set(CHECKS)


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


def asked(up: Up) -> tuple[int, list[Complaint]]:
    """The exit code of `doorstep doctor --json`, and its complaints."""
    done = up.run("doctor", "--json")
    said = json.loads(done.stdout)
    assert said["healthy"] == (done.returncode == 0) == (said["complaints"] == [])
    return done.returncode, [Complaint(**complaint) for complaint in said["complaints"]]


def about(up: Up, part: str, words: str) -> Callable[[], bool]:
    """Whether there is such a complaint by now."""

    def look() -> bool:
        return any(c.part == part and words in c.what for c in asked(up)[1])

    return look


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.long
def test_what_is_broken_on_purpose_is_found_in_a_real_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message nobody can read, a mail server that is not there, a service and a bus that hang; and well again."""
    monkeypatch.setenv("DOORSTEP_NOTIFY__TRANSPORT", "smtp")
    monkeypatch.setenv("DOORSTEP_NOTIFY__SMTP__HOST", "127.0.0.1")
    monkeypatch.setenv("DOORSTEP_NOTIFY__SMTP__PORT", str(free_port()))
    up = Up(tmp_path / "var", ten_free_ports())
    try:
        up.start()
        assert asked(up) == (0, [])
        load_shop(up, tmp_path)
        feed(up, range(3, 4))
        nonsense = up.run(
            "publish", "--channel", "shopify", "--topic", "orders/create", "--stdin", stdin="{}"
        )
        assert nonsense.returncode == 0, nonsense.stderr
        eventually(about(up, "orders", "1 message is parked"), 60, "the parked message is named")
        eventually(about(up, "notify", "`send` fail"), 60, "the mail server is missed")

        hanging = up.said["services"]["inventory"]["pid"]
        os.kill(hanging, signal.SIGSTOP)
        try:
            assert about(up, "inventory", "does not answer")()
        finally:
            os.kill(hanging, signal.SIGCONT)

        bus = pid_of_nats(up.data)
        os.kill(bus, signal.SIGSTOP)
        try:
            code, complaints = asked(up)
            assert code == 1
            assert complaints[0].severity == "severe"
            assert any(c.part == "nats" and c.runbook == "nats-unhealthy" for c in complaints)
        finally:
            os.kill(bus, signal.SIGCONT)

        eventually(
            lambda: {c.part for c in asked(up)[1]} == {"orders", "notify"},
            60,
            "only the first two are left",
        )
    finally:
        up.stop()


UNKNOWN_SKU = {
    "channel_order_id": "strange-1",
    "placed_at": "2026-11-21T12:00:00Z",
    "currency": "EUR",
    "total_minor": 1000,
    "customer": {"name": "Ada", "email": "ada@example.com"},
    "ship_to": {
        "name": "Ada",
        "line1": "Long Way 1",
        "city": "Berlin",
        "postcode": "10115",
        "country": "DE",
    },
    "lines": [
        {
            "line_id": "1",
            "sku": "NOBODY-HAS-IT",
            "title": "A riddle",
            "quantity": 1,
            "unit_price_minor": 1000,
            "total_minor": 1000,
        }
    ],
    "payment": {"state": "paid"},
}
GHOST = {"kind": "charge", "reference": "ghost", "gross_minor": 2975, "fee_minor": 116, "net_minor": 2859}
STATEMENT = {
    "provider": "shopify",
    "payout_id": "po_1",
    "currency": "EUR",
    "total_minor": 2859,
    "lines": [GHOST],
}


def ask(url: str, body: object) -> None:
    """A command of a person."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=10) as answer:
        assert answer.status < 300


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.long
def test_what_waits_for_people_is_told_in_a_real_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An article nobody knows, a write-off above the limit, and a payout of somebody else's money."""
    monkeypatch.setenv("DOORSTEP_INVENTORY__WRITE_OFF_LIMIT_UNITS", "5")
    up = Up(tmp_path / "var", ten_free_ports())
    try:
        up.start()
        load_shop(up, tmp_path)
        services = {name: service["url"] for name, service in up.said["services"].items()}
        ask(f"{services['orders']}/orders", UNKNOWN_SKU)
        stock = json.loads(urlopen(f"{services['inventory']}/stock", timeout=10).read())["stock"]
        lost = next(line for line in stock if line["on_hand"] > 6)
        ask(
            f"{services['inventory']}/stock/adjustments",
            {
                "sku": lost["sku"],
                "location": lost["locations"][0]["location"],
                "quantity": -6,
                "reason": "broken",
                "actor": "bob",
                "reference": "count-1",
            },
        )
        eventually(lambda: len(informed(up)) == 2, 60, "the hold and the write-off are told")
        assert asked(up) == (0, [])
        assert {entry["part"] for entry in informed(up)} == {"orders", "inventory"}
        assert "1 order is on hold, as an article is not in the catalogue" in informed(up)[0]["what"]

        ask(f"{services['billing']}/payouts", STATEMENT)
        code, complaints = asked(up)
        assert (code, [c.runbook for c in complaints]) == (1, ["money-unexplained"])
        assert "payout shopify:po_1 has 28.59 EUR in 1 line" in complaints[0].what
    finally:
        up.stop()


def informed(up: Up) -> list[dict[str, Any]]:
    """What only informs."""
    entries: list[dict[str, Any]] = json.loads(up.run("doctor", "--json").stdout)["information"]
    return entries


def pid_of_nats(data: Path) -> int:
    """The nats-server that keeps its streams in this folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if b"nats-server" in command.split(b"\0")[0] and str(data).encode() in command:
            return int(process.name)
    raise AssertionError("no nats-server runs on this folder")
