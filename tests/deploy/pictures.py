"""`make pictures`: what the dashboards show, drawn from their own queries into docs/pictures.

A real shop plays the demo, a real Prometheus looks at it; then each panel's query is asked and drawn (`drawing.py`),
and Chromium takes a picture of the page. No Grafana is needed, and none is imitated.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from bench.eyes import collecting
from tests.conftest import free_port
from tests.deploy.drawing import Series, legend_of, page
from tests.deploy.test_dashboards import BOARDS, FOLDER, ask, configured, of_all_cells
from tests.ops.running import REPOSITORY, Up, eventually, ten_free_ports

PICTURES = REPOSITORY / "docs" / "pictures"
BYTES_MAX = 200_000
COLOURS = 64
POINTS = 120
NEEDED = ("prometheus", "chromium")


@contextmanager
def watched_shop(folder: Path) -> Iterator[str]:
    """The address of a Prometheus that watches a shop which plays the demo."""
    with collecting() as traces:
        environment = {"DOORSTEP_TRACES__URL": traces, "DOORSTEP_TRACES__SHARE": "1"}
        up = Up(folder / "var", ten_free_ports(), ("--autopilot", "--demo"), environment=environment)
        up.data.parent.mkdir(parents=True, exist_ok=True)
        try:
            up.start()
            with prometheus(folder, up) as address:
                yield address
        finally:
            if up.process is not None:
                up.stop()


@contextmanager
def prometheus(folder: Path, up: Up) -> Iterator[str]:
    """One that scrapes this shop each second."""
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={configured(folder, up)}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stderr=log) as server:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def answered(address: str, panel: Mapping[str, Any], began: float, ended: float) -> list[Series]:
    """What a panel's queries are answered over this time; legends as the panel has them.

    A panel that shows no history has what there is in the end.
    """
    step, found = (ended - began) / POINTS, []
    for target in panel["targets"]:
        asked = {"query": of_all_cells(target["expr"]), "start": began, "end": ended, "step": step}
        url = f"{address}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            result = json.load(answer)["data"]["result"]
        for series in result:
            points = tuple((moment, float(value)) for moment, value in series["values"])
            if panel["type"] == "timeseries" or points[-1][0] > ended - 2 * step:
                found.append(Series(legend_of(target["legendFormat"], series["metric"]), points))
    return found


def draw(address: str, began: float, ended: float) -> dict[str, str]:
    """Each dashboard as a page."""
    minutes = round((ended - began) / 60)
    pages = {}
    for name, board in BOARDS.items():
        caption = (
            f"Drawn by `make pictures` from the queries in {FOLDER.relative_to(REPOSITORY)}/dashboards/{name}.json,"
            f" not by Grafana: {minutes} minutes of the demo shop."
        )
        answers = {panel["id"]: answered(address, panel, began, ended) for panel in board["panels"]}
        pages[name] = page(board, answers, caption)
    return pages


def photograph(pages: Mapping[str, str], into: Path) -> None:
    """A picture of each page. One that is too big for a repository is refused."""
    from playwright.sync_api import sync_playwright

    into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, content in pages.items():
            tab = browser.new_page(viewport={"width": 1200, "height": 800})
            tab.set_content(content)
            picture = in_few_colours(tab.screenshot(full_page=True))
            if len(picture) > BYTES_MAX:
                raise SystemExit(f"pictures: {name} has {len(picture):,} bytes, {BYTES_MAX:,} at most")
            (into / f"dashboard-{name}.png").write_bytes(picture)
        browser.close()


def in_few_colours(picture: bytes) -> bytes:
    """The same PNG with a palette: plain areas and thin lines need no more, and a third of the bytes."""
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="of the demo shop, that are shown")
    parser.add_argument("--into", type=Path, default=PICTURES)
    asked = parser.parse_args(arguments)
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        sys.exit(f"pictures: {' and '.join(missing)} missing (Debian: apt-get install {' '.join(missing)})")
    folder = Path(tempfile.mkdtemp(prefix="doorstep-pictures-"))
    try:
        with watched_shop(folder) as address:
            eventually(lambda: ask(address, "sum(up) == 5"), 120, "all five services are scraped")
            began = time.time()
            eventually(lambda: time.time() - began > asked.minutes * 60, asked.minutes * 60 + 60, "time", 1.0)
            pages = draw(address, began, time.time())
        photograph(pages, asked.into)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name in pages:
        picture = asked.into / f"dashboard-{name}.png"
        print(f"{os.path.relpath(picture)}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
