"""Alert rules: each is raised when it should be, says what to do where somebody has to act, and uses real figures."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "deploy" / "observability"
GROUPS = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
ALERTS: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing: it comes with the package prometheus"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60)


@promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yaml"),
        ("test", "rules", "alerts_test.yaml"),
        ("check", "config", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    """Rules and the example configuration are valid; each alert fires on its series, and not before."""
    done = run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_a_rule_that_is_never_raised_would_be_noticed(tmp_path: Path) -> None:
    """So that the test above means something: with another threshold the same series raises nothing."""
    for name in ("alerts.yaml", "alerts_test.yaml"):
        text = (FOLDER / name).read_text().replace("doorstep_parked > 0", "doorstep_parked > 1000")
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["promtool", "test", "rules", "alerts_test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "DoorstepMessagesParked" in done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    """A new rule gets its series."""
    cases = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]
    tried = {
        case["alert_rule_test"][-1]["alertname"]
        for case in cases
        if case["alert_rule_test"][-1]["exp_alerts"]
    }
    assert tried == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_whoever_has_to_act_is_told_what_to_do(alert: dict[str, Any]) -> None:
    """Pages and tickets link a runbook that there is; what only informs asks nobody to do anything."""
    severity, told = alert["labels"]["severity"], alert["annotations"]
    assert severity in {"page", "ticket", "info"}
    assert told["summary"]
    assert ("runbook" in told) == (severity != "info")
    if "runbook" in told:
        assert (REPOSITORY / told["runbook"]).is_file()
        name = alert["alert"].removeprefix("Doorstep")
        assert f"`{name}`" in (REPOSITORY / "docs" / "observability.md").read_text()


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
