"""Alert rules: each is raised when it should be, says what to do where somebody has to act, and uses real figures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.doctor.rules import WAITS
from tests.deploy.rules_turned import turned

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "deploy" / "observability"
GROUPS = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
ALERTS: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
DOCUMENT = (REPOSITORY / "docs" / "observability.md").read_text()
CASES: dict[str, Any] = {
    path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("alerts*_test.yaml"))
}
ALL_CASES = [case for told in CASES.values() for case in told["tests"]]
SUCCEEDED = re.compile(r"^Unit Testing:\s+(\S+)\n\s+SUCCESS", re.MULTILINE)
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing: it comes with the package prometheus"
)


def run(*arguments: str, within: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=within, capture_output=True, text=True, timeout=60)


@promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yaml"),
        ("test", "rules", *CASES),
        ("check", "config", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    """Rules and the example configuration are valid; each alert fires on its series, and not before."""
    done = run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_a_rule_that_is_a_little_wrong_is_noticed(tmp_path: Path) -> None:
    """A threshold one step off, a comparison turned, half a `for:` or window, or twice of it: each fails its cases."""
    right = [("", alert) for alert in ALERTS]
    wrong = [(what, rule) for alert in ALERTS for what, rule in turned(alert)]
    tried = right + wrong
    for number, (_, rule) in enumerate(tried):
        (tmp_path / f"{number}.yaml").write_text(json.dumps({"groups": [{"name": "one", "rules": [rule]}]}))
    valid = run("check", "rules", *(f"{number}.yaml" for number in range(len(tried))), within=tmp_path)
    assert valid.returncode == 0, valid.stdout + valid.stderr
    asked = {
        f"{number}_{name}": told | {"rule_files": [f"{number}.yaml"], "tests": cases}
        for number, (_, rule) in enumerate(tried)
        for name, told in CASES.items()
        if (cases := [case for case in told["tests"] if alert_of(case) == rule["alert"]])
    }
    for name, cases in asked.items():
        (tmp_path / name).write_text(json.dumps(cases))
    failed = asked.keys() - set(SUCCEEDED.findall(run("test", "rules", *asked, within=tmp_path).stdout))
    noticed = {int(name.partition("_")[0]) for name in failed}
    assert len(wrong) > 5 * len(ALERTS)
    assert [what for number, (what, _) in enumerate(tried) if number not in noticed and what] == []
    assert [
        rule["alert"] for number, (what, rule) in enumerate(tried) if number in noticed and not what
    ] == []


def test_every_alert_is_judged_before_and_after_its_time() -> None:
    """Not raised yet, then raised: a new rule gets its series."""
    for raised in (False, True):
        judged = [judgement for case in ALL_CASES for judgement in case["alert_rule_test"]]
        tried = {each["alertname"] for each in judged if bool(each["exp_alerts"]) is raised}
        assert tried == {alert["alert"] for alert in ALERTS}


def alert_of(case: dict[str, Any]) -> str:
    """The one alert that a case is about."""
    (name,) = {judgement["alertname"] for judgement in case["alert_rule_test"]}
    assert isinstance(name, str)
    return name


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_whoever_has_to_act_is_told_what_to_do(alert: dict[str, Any]) -> None:
    """Pages and tickets link a runbook that there is; what only informs asks nobody to do anything."""
    severity, told = alert["labels"]["severity"], alert["annotations"]
    assert severity in {"page", "ticket", "info"}
    assert told["summary"]
    assert ("runbook" in told) == (severity != "info")
    if "runbook" in told:
        page = (REPOSITORY / told["runbook"]).read_text()
        assert f"`{short(alert)}`" in page.partition("## Look")[0]


def test_the_document_lists_each_alert_once_under_its_severity_and_page() -> None:
    """Whoever is woken up by a name finds it where it belongs."""
    listed = {
        (severity, name, page)
        for severity, cell in re.findall(r"^\| (page|ticket|info) \| (.+) \|$", DOCUMENT, re.MULTILINE)
        for names, page in re.findall(r"((?:`\w+`,? ?)+)(?:\(\[[\w-]+\]\(([^)]+)\)\))?", cell)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert listed == {
        (
            alert["labels"]["severity"],
            short(alert),
            alert["annotations"].get("runbook", "").removeprefix("docs/"),
        )
        for alert in ALERTS
    }
    table = DOCUMENT.partition("| severity | alerts |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(short(alert) for alert in ALERTS)


SAID_BY_THE_DOCTOR = {
    "PaymentInDoubt": "payment in_doubt",
    "RefundRefused": "payment refund_failed",
    "RefundOwed": "payment refund_due",
    "LabelFailed": "label failed",
    "CountDue": "count due",
    "ApprovalWaits": "approval",
    "HoldTooOld": "hold ",
}
"""By alert, the kinds of `doorstep doctor` that begin so."""


def test_what_waits_is_too_old_for_alerts_and_doctor_at_the_same_time() -> None:
    """And both send to the same page. A kind that the doctor learns gets its alert."""
    told = {short(alert): alert for alert in ALERTS}
    agreed = set[str]()
    for name, begins in SAID_BY_THE_DOCTOR.items():
        (limit,) = re.findall(r" > (\d+)$", told[name]["expr"])
        kinds = {kind: rule for kind, rule in WAITS.items() if kind.startswith(begins)}
        assert {rule.patience_seconds for rule in kinds.values()} == {float(limit)}
        assert {f"docs/runbooks/{rule.runbook}.md" for rule in kinds.values()} == {
            told[name]["annotations"]["runbook"]
        }
        agreed |= kinds.keys()
    assert agreed == WAITS.keys()


def short(alert: dict[str, Any]) -> str:
    """Its name without that of the product."""
    return str(alert["alert"]).removeprefix("Doorstep")


def test_groups_keep_severities_apart() -> None:
    """So that whoever routes alerts can take a group as it is."""
    for group in GROUPS:
        assert {f"doorstep-{alert['labels']['severity']}" for alert in group["rules"]} == {group["name"]}


def test_every_metric_of_a_rule_is_one_we_have() -> None:
    """A renamed metric would silence its alert for ever."""
    source = "".join(
        path.read_text() for where in ("chassis", "services") for path in (REPOSITORY / where).rglob("*.py")
    )
    names = {name for alert in ALERTS for name in re.findall(r"doorstep_[a-z_]+", alert["expr"])}
    assert len(names) > 15
    for name in names:
        plain = re.sub("_(total|bucket|count|sum)$", "", name).removeprefix("doorstep_")
        assert f'"doorstep_{plain}"' in source or f'"{plain}"' in source, name
