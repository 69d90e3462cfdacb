"""The documents made from the catalogue: up to date, complete, and readable by others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.catalogue import CATALOGUE
from contracts.envelope import ATTRIBUTES
from ops import contracts_document
from ops.contracts_document import address_of, as_yaml, asyncapi, documents, events_page


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    return asyncapi()


def test_the_documents_are_as_generated() -> None:
    """A reader never sees last month's contract."""
    assert contracts_document.main(["--check"]) == 0


def test_asyncapi_has_a_channel_and_a_payload_for_each_event(document: dict) -> None:
    """AsyncAPI 3, every reference resolvable inside the document."""
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == {entry.type for entry in CATALOGUE}
    for entry in CATALOGUE:
        assert document["channels"][entry.type]["address"] == address_of(entry)
    for reference in references(document):
        assert resolves(document, reference), reference


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for child in node.values() for found in references(child)]
    return [found for child in node for found in references(child)] if isinstance(node, list) else []


def resolves(document: dict, reference: str) -> bool:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part, {})
    return bool(node)


def test_every_message_carries_the_envelope(document: dict) -> None:
    """The headers are part of the contract."""
    envelope = document["components"]["schemas"]["Envelope"]
    assert envelope["properties"].keys() == ATTRIBUTES.keys()
    for message in document["components"]["messages"].values():
        assert message["headers"] == {"$ref": "#/components/schemas/Envelope"}
        assert message["correlationId"]["location"] == "$message.header#/ce-correlationid"


def test_making_it_twice_gives_the_same_text() -> None:
    """Otherwise every run would be a difference."""
    assert documents() == documents()


def test_yaml_keeps_texts_texts() -> None:
    """`no` is a country, `1.0` a version, and neither may turn into something else."""
    written = as_yaml(
        {"no": "no", "b": [{"x": "1.0"}, 2, []], "a": {"on": None, "é:": "line\nbreak"}, "e": {}}
    )
    assert written == (
        'a:\n  "on": null\n  "é:": "line\\nbreak"\nb:\n  -\n    x: "1.0"\n  - 2\n  - []\ne: {}\n"no": "no"\n'
    )


def test_the_page_lists_every_event_with_its_consumers() -> None:
    """One row each, in tables that Markdown understands."""
    page = events_page()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len(CATALOGUE)
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows)
    assert "| `orders.OrderAccepted.v1` | `evt.orders.order_accepted.v1` | inventory, notify |" in page
    assert "`evt.channels.{channel}.order_placed`" in page


def test_check_fails_where_a_document_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file and what to run."""
    monkeypatch.setattr(contracts_document, "ASYNCAPI", tmp_path / "asyncapi.yaml")
    monkeypatch.setattr(contracts_document, "EVENTS_PAGE", tmp_path / "docs" / "events.md")
    assert contracts_document.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "missing: asyncapi.yaml",
        "missing: events.md",
        "run: python -m ops.contracts_document",
    ]
    assert contracts_document.main([]) == 0
    assert contracts_document.main(["--check"]) == 0
    assert json.dumps("3.0.0") in (tmp_path / "asyncapi.yaml").read_text().splitlines()[0]
