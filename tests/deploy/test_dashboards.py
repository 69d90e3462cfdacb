"""Dashboards: what they ask is answered by a real Prometheus that scrapes a real run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import free_port
from tests.ops.running import Up, eventually, ten_free_ports

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "observability"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]
CELL = re.compile(r',?namespace=~"\$namespace\|?"')


QUERIES = [(name, panel["title"], query["expr"]) for name, panel in PANELS for query in panel["targets"]]
EMPTY_WHEN_ALL_IS_WELL = {
    "doorstep_check == 0",
    'ALERTS{alertname=~"Doorstep.*",alertstate="firing"}',
    'doorstep_entities{service="notify"}',
}
"""They show what is wrong, and show nothing else."""
EMPTY_UNTIL_IT_HAPPENS = {
    "orders.OrderCancelled.v1",
    "inventory.ReservationRefused.v1",
    "billing.PaymentFailed.v1",
    "notify.NotificationFailed.v1",
}
"""Events of which a healthy shop may have none for a while; their series begin with the first."""
ONLY_WHERE_IT_APPLIES = {"doorstep_standby", "doorstep_certificate_expires_seconds"}
"""Told by a process that waits, and where there are certificates."""
LISTING = 'label_replace(count by (__name__) ({__name__=~"doorstep_.+"}), "name", "$1", "__name__", "(.+)")'
WITHIN_SECONDS = 150


def of_all_cells(query: str) -> str:
    """As Grafana asks it where all are chosen."""
    return query.replace("$namespace", ".*")


def in_short(query: str) -> str:
    """Without the cell; a selector that nothing else is in goes with it."""
    return CELL.sub("", query).replace("{}", "")


def ids(panel: Any) -> str:
    return panel["title"] if isinstance(panel, dict) else str(panel)


def test_there_is_one_for_operations_and_one_for_the_business() -> None:
    """With a variable for the data source, so that they can be imported anywhere, and one for the cell, in which what
    has no namespace is seen, too.
    """
    assert set(BOARDS) == {"operations", "business"}
    for board in BOARDS.values():
        source, cell = board["templating"]["list"]
        assert source["type"] == "datasource"
        assert (cell["name"], cell["includeAll"], cell["allValue"]) == ("namespace", True, ".*")
        assert board["uid"].startswith("doorstep-")


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=ids)
def test_whatever_is_shown_is_of_the_chosen_cell(board: str, panel: dict[str, Any]) -> None:
    """An alert that has none, as nobody is there to say it, belongs to each."""
    for query in panel["targets"]:
        asked = re.findall(r"\b(?:doorstep_\w+|ALERTS)\{([^}]*)\}", query["expr"])
        assert len(asked) == len(re.findall(r"\b(?:doorstep_\w+|ALERTS)\b", query["expr"])) >= 1
        assert all(CELL.search(selector) for selector in asked)


def test_the_document_has_each_query() -> None:
    """Beside the panel that shows it."""
    document = (FOLDER.parents[1] / "docs" / "observability.md").read_text()
    for board in BOARDS.values():
        for panel in board["panels"]:
            queries = ", ".join(f"`{in_short(query['expr'])}`" for query in panel["targets"])
            assert f"| {panel['title']} | {queries} |" in document.replace("\\|", "|")


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=ids)
def test_a_panel_is_whole(board: str, panel: dict[str, Any]) -> None:
    """A title, a unit, a place that nothing else has, and a legend for each query."""
    assert panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(query["legendFormat"] for query in panel["targets"])
    place = panel["gridPos"]
    others = [other["gridPos"] for other in BOARDS[board]["panels"] if other is not panel]
    assert all((place["x"], place["y"]) != (other["x"], other["y"]) for other in others)


def test_what_may_be_empty_is_asked_somewhere() -> None:
    """An exception that nothing needs any more is taken away."""
    asked = {in_short(query) for _, _, query in QUERIES}
    assert asked >= EMPTY_WHEN_ALL_IS_WELL
    assert all(any(event in query for query in asked) for event in EMPTY_UNTIL_IT_HAPPENS)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real one, scraping a real shop that plays the demo and tells its traces to nobody who listens."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is missing: it comes with the package of that name")
    folder = tmp_path_factory.mktemp("eyes")
    patch = pytest.MonkeyPatch()
    patch.setenv("DOORSTEP_TRACES__URL", f"http://127.0.0.1:{free_port()}/v1/traces")
    patch.setenv("DOORSTEP_TRACES__SHARE", "1")
    up = Up(folder / "var", ten_free_ports(), ("--autopilot", "--demo"))
    server: subprocess.Popen[bytes] | None = None
    try:
        up.start()
        port = free_port()
        server = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={configured(folder, up)}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=(folder / "prometheus.log").open("wb"),
        )
        yield f"http://127.0.0.1:{port}"
    finally:
        if server is not None:
            server.terminate()
            server.wait(20)
        if up.process is not None:
            up.stop()
        patch.undo()


def configured(folder: Path, up: Up) -> Path:
    """The example configuration, for this system's ports, looking every second."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / "alerts.yaml")]
    (job,) = config["scrape_configs"][0]["static_configs"]
    job["targets"] = [service["url"].removeprefix("http://") for service in up.said["services"].values()]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def ask(prometheus: str, query: str) -> list[Any]:
    """The result of an instant query; what is wrong with the query raises."""
    address = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as refused:
        if refused.code == 503:
            return []  # it is still starting
        raise AssertionError(f"{query}: {refused.read().decode()}") from None
    except (urllib.error.URLError, ConnectionError):
        return []  # it has not opened its port yet
    return found


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("board", "title", "query"), QUERIES, ids=ids)
def test_a_query_is_answered(prometheus: str, board: str, title: str, query: str) -> None:
    """With data; those that show trouble alone are answered, with nothing, while all is well."""
    eventually(lambda: ask(prometheus, "sum(up) == 5"), WITHIN_SECONDS, "all five services are scraped")
    asked = of_all_cells(query)
    if in_short(query) in EMPTY_WHEN_ALL_IS_WELL or any(event in query for event in EMPTY_UNTIL_IT_HAPPENS):
        assert isinstance(ask(prometheus, asked), list)
    else:
        eventually(lambda: ask(prometheus, asked), WITHIN_SECONDS, f"{board}, {title}: {asked}", every=1.0)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_document_names_every_metric_and_no_other(prometheus: str) -> None:
    """As they are asked for; a histogram by its own name."""
    eventually(lambda: ask(prometheus, "sum(up) == 5"), WITHIN_SECONDS, "all five services are scraped")
    eventually(lambda: ask(prometheus, "doorstep_story_seconds_count"), WITHIN_SECONDS, "orders are decided")
    found = {
        re.sub("_(bucket|sum|count)$", "", series["metric"]["name"])
        for series in ask(prometheus, LISTING)
        if not series["metric"]["name"].endswith("_created")
    }
    table = (FOLDER.parents[1] / "docs" / "observability.md").read_text()
    named = {
        name
        for row in table.partition("| metric | labels | is |")[2].partition("\n\n")[0].splitlines()
        for name in re.findall(r"`(doorstep_\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert named == found | ONLY_WHERE_IT_APPLIES


@pytest.mark.long
@pytest.mark.timeout(300)
def test_no_page_is_raised_in_a_healthy_shop(prometheus: str) -> None:
    """An alert that cries without need is soon not heard any more."""
    fulfilled = 'sum(doorstep_events_total{type="orders.OrderFulfilled.v1"}) > 20'
    eventually(lambda: ask(prometheus, fulfilled), WITHIN_SECONDS, "twenty orders have gone out", every=1.0)
    assert ask(prometheus, 'ALERTS{severity="page",alertstate="firing"}') == []
