"""Writes what follows from the catalogue: `python -m contracts.generate [--check] [--golden-missing]`.

`schemas/<type>.json` is the JSON Schema (2020-12) of each event; `--check` writes nothing and fails, listing
what differs. `--golden-missing` adds an example where a type has none, or where no example has a field yet;
golden messages are never edited, because messages like them are in the streams for ever.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.catalogue import CATALOGUE, Entry
from contracts.event import Event
from contracts.examples import complete, minimal

SCHEMAS = Path(__file__).parent / "schemas"
GOLDEN = Path(__file__).parent / "golden"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(entry: Entry) -> dict[str, Any]:
    """The JSON Schema of an event's payload. Personal data carries `"x-personal": true` at the field itself.

    For channels it says what publishers may send, for all others what is on the wire.
    """
    sent_to_us = entry.producer == "channels"
    schema = entry.model.model_json_schema(mode="validation" if sent_to_us else "serialization")
    marked = {name: shape for name, shape in schema.get("$defs", {}).items() if "x-personal" in shape}
    schema = _inlined(schema, {f"#/$defs/{name}": shape for name, shape in marked.items()})
    for name in marked:
        del schema["$defs"][name]
    return {"$schema": DIALECT, "$id": f"doorstep:{entry.type}", **schema, "title": entry.type}


def _inlined(node: Any, shapes: Mapping[str, Any]) -> Any:
    """The schema with these references replaced by what they refer to."""
    if isinstance(node, list):
        return [_inlined(child, shapes) for child in node]
    if not isinstance(node, dict):
        return node
    own = {key: _inlined(child, shapes) for key, child in node.items()}
    if own.get("$ref") not in shapes:
        return own
    return {**shapes[own["$ref"]], **{key: child for key, child in own.items() if key != "$ref"}}


def schemas() -> dict[Path, str]:
    """Every schema file with its text."""
    return {SCHEMAS / f"{entry.type}.json": as_json(schema_of(entry)) for entry in CATALOGUE}


def as_json(value: Any) -> str:
    """JSON for people and for diffs: indented, keys sorted."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differences(documents: Mapping[Path, str], present: Iterable[Path]) -> list[str]:
    """One line for each generated file that is missing, differs, or belongs to nothing any more."""
    missing = [f"missing: {path.name}" for path in documents if not path.exists()]
    changed = [
        f"differs: {path.name}"
        for path, text in documents.items()
        if path.exists() and path.read_text(encoding="utf-8") != text
    ]
    return (
        missing + changed + [f"belongs to nothing: {path.name}" for path in present if path not in documents]
    )


def write(documents: Mapping[Path, str]) -> None:
    """Write every document."""
    for path, text in documents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def report(found: Sequence[str], remedy: str) -> int:
    """The exit code of a check: 0 where nothing was found, else 1 with the findings on stderr."""
    for line in found:
        sys.stderr.write(f"{line}\n")
    if found:
        sys.stderr.write(f"{remedy}\n")
    return int(bool(found))


def missing_golden() -> dict[Path, str]:
    """The golden messages to add: none for a type whose files show every field."""
    added: dict[Path, str] = {}
    for entry in CATALOGUE:
        folder = GOLDEN / entry.type
        if not (folder / "minimal.json").exists():
            added[folder / "minimal.json"] = _pretty(minimal(entry.model))
        if not shows_every_field(entry.model, golden(entry.type)):
            added[_next_complete(folder)] = _pretty(complete(entry.model))
    return added


def golden(event_type: str) -> dict[str, bytes]:
    """The golden messages of a type, by name."""
    return {path.stem: path.read_bytes() for path in sorted((GOLDEN / event_type).glob("*.json"))}


def shows_every_field(model: type[Event], messages: Mapping[str, bytes]) -> bool:
    """True when each field of the model, at any depth, is in at least one of the messages."""
    shown = {path for message in messages.values() for path in _paths(json.loads(message))}
    return _paths(complete(model)) <= shown


def _paths(node: Any, at: str = "") -> set[str]:
    if isinstance(node, dict):
        return {at}.union(*(_paths(child, f"{at}.{name}") for name, child in node.items()))
    if isinstance(node, list):
        return {at}.union(*(_paths(child, f"{at}[]") for child in node))
    return {at}


def _next_complete(folder: Path) -> Path:
    """`complete.json`, then `complete-2.json`, …: a new field is shown by a new file."""
    count = len(list(folder.glob("complete*.json")))
    return folder / (f"complete-{count + 1}.json" if count else "complete.json")


def _pretty(message: Mapping[str, Any]) -> str:
    return json.dumps(message, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--golden-missing", action="store_true", help="add golden messages that are missing")
    asked = parser.parse_args(arguments)
    documents, present = schemas(), sorted(SCHEMAS.glob("*.json"))
    if asked.check:
        lacking = [f"missing: golden/{path.parent.name}/{path.name}" for path in missing_golden()]
        return report(differences(documents, present) + lacking, f"run: {parser.prog} --golden-missing")
    write(documents)
    for path in present:
        if path not in documents:
            path.unlink()
    if asked.golden_missing:
        write(missing_golden())
    return 0


if __name__ == "__main__":
    sys.exit(main())
