"""Golden messages: what was once on the wire can be read for ever, and nothing of it is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts import generate
from contracts.catalogue import BY_TYPE, CATALOGUE, decode
from contracts.event import Event
from contracts.generate import GOLDEN, SCHEMAS, golden, schemas, shows_every_field
from contracts.upcasters import UPCASTERS

MESSAGES = [(entry.type, name) for entry in CATALOGUE for name in golden(entry.type)]


def read(event_type: str, name: str) -> bytes:
    return golden(event_type)[name]


def keeps(new: Any, old: Any) -> bool:
    """Every value of the old is in the new, at the same place; the new may have more fields, never more lines."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and keeps(new[name], old[name]) for name in old)
    if isinstance(old, list):
        return len(new) == len(old) and all(map(keeps, new, old))
    return bool(new == old)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
def test_every_type_has_a_minimal_message_and_shows_every_field(entry: Any) -> None:
    """A new event or field comes with an example: `python -m contracts.generate --golden-missing`."""
    messages = golden(entry.type)
    assert "minimal" in messages
    assert shows_every_field(entry.model, messages)


@pytest.mark.parametrize(("event_type", "name"), MESSAGES)
def test_a_golden_message_decodes_and_nothing_of_it_is_lost(event_type: str, name: str) -> None:
    """A changed type or a renamed field fails here, not in a shop."""
    message = read(event_type, name)
    model = BY_TYPE[event_type].model
    event = model.model_validate_json(message)
    assert keeps(json.loads(event.to_bytes()), json.loads(message))
    assert model.model_validate_json(event.to_bytes()) == event
    if model not in UPCASTERS:
        assert decode(event_type, message) == event


@pytest.mark.parametrize("event_type", [entry.type for entry in CATALOGUE])
def test_the_newest_complete_message_is_re_encoded_to_itself(event_type: str) -> None:
    """One encoding: what is read is written again the same, field by field."""
    names = [name for name in golden(event_type) if name.startswith("complete")]
    message = read(event_type, max(names, key=lambda name: (len(name), name)))
    event = BY_TYPE[event_type].model.model_validate_json(message)
    assert json.loads(event.to_bytes()) == json.loads(message)


@pytest.mark.parametrize(("event_type", "name"), MESSAGES)
def test_a_field_from_the_future_is_ignored(event_type: str, name: str) -> None:
    """A consumer that is a release behind goes on."""
    message = json.loads(read(event_type, name))
    plain = decode(event_type, json.dumps(message).encode())
    assert decode(event_type, json.dumps(message | {"from_the_future": {"a": [1]}}).encode()) == plain


@pytest.mark.parametrize(("event_type", "name"), MESSAGES)
def test_a_golden_message_fits_its_published_schema(event_type: str, name: str) -> None:
    """Whoever validates with the schema accepts what we send; whoever drops a required field is told."""
    schema = json.loads((SCHEMAS / f"{event_type}.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    message = json.loads(read(event_type, name))
    assert list(validator.iter_errors(message)) == []
    required = schema["required"][0]
    assert not validator.is_valid({field: value for field, value in message.items() if field != required})


def test_the_schemas_are_as_generated() -> None:
    """Changing an event shows as a difference in review; regenerate with `python -m contracts.generate`."""
    assert generate.differences(schemas(), SCHEMAS.glob("*.json")) == []


def test_events_are_values() -> None:
    """Frozen: nobody changes what happened."""
    for event_type, name in MESSAGES:
        event = decode(event_type, read(event_type, name))
        assert isinstance(event, Event)
        with pytest.raises(ValueError, match="frozen"):
            setattr(event, next(iter(type(event).model_fields)), "changed")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The generator working on a copy."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    shutil.copytree(GOLDEN, tmp_path / "golden")
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(generate, "GOLDEN", tmp_path / "golden")
    return tmp_path


def test_check_lists_what_differs_and_writes_nothing(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI says which file, and what to run."""
    changed = copied / "schemas" / "orders.OrderFulfilled.v1.json"
    changed.write_text("{}")
    (copied / "schemas" / "orders.OrderHeld.v1.json").unlink()
    (copied / "schemas" / "orders.Gone.v1.json").write_text("{}")
    (copied / "golden" / "orders.OrderHeld.v1" / "minimal.json").unlink()

    assert generate.main(["--check"]) == 1

    said = capsys.readouterr().err.splitlines()
    assert said == [
        "missing: orders.OrderHeld.v1.json",
        "differs: orders.OrderFulfilled.v1.json",
        "belongs to nothing: orders.Gone.v1.json",
        "missing: golden/orders.OrderHeld.v1/minimal.json",
        "run: python -m contracts.generate --golden-missing",
    ]
    assert changed.read_text() == "{}"


def test_generating_repairs_and_never_edits_a_golden_message(copied: Path) -> None:
    """What lacks a field gets a second example; the first stays as it was."""
    first = copied / "golden" / "orders.OrderHeld.v1" / "complete.json"
    older = json.loads(first.read_text())
    del older["skus"]
    first.write_text(json.dumps(older))

    assert generate.main(["--golden-missing"]) == 0
    assert generate.main(["--check"]) == 0

    assert json.loads(first.read_text()) == older
    assert "skus" in json.loads(first.with_name("complete-2.json").read_text())
