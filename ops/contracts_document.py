"""Writes the contracts for readers: `python -m ops.contracts_document [--check]`.

`contracts/schemas/asyncapi.yaml` is the AsyncAPI 3 document, made by FastStream from the catalogue;
`docs/events.md` is the same as a table. `--check` writes nothing and fails where a file differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faststream.nats import JStream, NatsBroker
from faststream.specification import AsyncAPI

from contracts.catalogue import CATALOGUE, STREAMS, Entry
from contracts.envelope import ATTRIBUTES
from contracts.generate import SCHEMAS, differences, report, write

ASYNCAPI = SCHEMAS / "asyncapi.yaml"
EVENTS_PAGE = Path(__file__).parents[1] / "docs" / "events.md"
OPTIONAL_HEADERS = ("ce-correlationid", "ce-causationid", "traceparent", "ce-continues")

_PLAIN_KEY = re.compile(r"[A-Za-z$][A-Za-z0-9_$./-]*")
_WORDS_THAT_ARE_VALUES = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: one channel for each event type, with the envelope's headers."""
    broker = NatsBroker("nats://localhost:8088", apply_types=False)
    for entry in CATALOGUE:
        broker.publisher(
            address_of(entry),
            stream=JStream(entry.stream, declare=False),
            schema=entry.model,
            title=entry.type,
            description=_description(entry),
        )
    made = AsyncAPI(broker, title="Doorstep", version="1.0.0", schema_version="3.0.0", description=SUMMARY)
    document: dict[str, Any] = made.to_specification().to_jsonable()
    return _with_envelope(document)


def address_of(entry: Entry) -> str:
    """The subject; publishers name their channel in it (`evt.channels.shop-de.order_placed`)."""
    if entry.producer != "channels":
        return entry.subject
    return f"evt.channels.{{channel}}.{entry.subject.split('.')[2]}"


SUMMARY = "Every event of Doorstep. Messages are CloudEvents 1.0 in binary mode on NATS JetStream."


def _description(entry: Entry) -> str:
    return f"{_first_line(entry)}\n\nStream: {entry.stream}. Consumers: {_consumers(entry)}."


def _with_envelope(document: dict[str, Any]) -> dict[str, Any]:
    """FastStream knows the payloads; the headers are ours."""
    components = document["components"]
    components["schemas"]["Envelope"] = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": meaning} for name, meaning in ATTRIBUTES.items()
        },
        "required": [name for name in ATTRIBUTES if name not in OPTIONAL_HEADERS],
    }
    for message in components["messages"].values():
        message["headers"] = {"$ref": "#/components/schemas/Envelope"}
        message["correlationId"] = {"location": "$message.header#/ce-correlationid"}
    return document


def as_yaml(document: Mapping[str, Any]) -> str:
    """Block YAML, keys sorted, every text in double quotes, so that nothing is ever read as another type."""
    return "\n".join(_block(document, 0)) + "\n"


def _block(node: Any, depth: int) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty."""
    pad = "  " * depth
    heads = (
        ((f"{_key(key)}:", node[key]) for key in sorted(node))
        if isinstance(node, Mapping)
        else (("-", child) for child in node)
    )
    for head, child in heads:
        if isinstance(child, (dict, list)) and child:
            yield f"{pad}{head}"
            yield from _block(child, depth + 1)
        else:
            yield f"{pad}{head} {json.dumps(child, ensure_ascii=False)}"


def _key(name: str) -> str:
    plain = _PLAIN_KEY.fullmatch(name) and name.lower() not in _WORDS_THAT_ARE_VALUES
    return name if plain else json.dumps(name, ensure_ascii=False)


PAGE_HEAD = """\
# The events

Generated from `contracts/catalogue.py` by `python -m ops.contracts_document`; do not edit.
Shapes: `contracts/schemas/`; examples: `contracts/golden/`. Every event is published on its producer's
stream; consumers are the services that react to it.
"""


def events_page() -> str:
    """The catalogue as a Markdown page, one table for each producer."""
    return PAGE_HEAD + "".join(_producer_table(producer) for producer in STREAMS)


def _producer_table(producer: str) -> str:
    rows = "".join(_row(entry) for entry in CATALOGUE if entry.producer == producer)
    return (
        f"\n## {producer} (stream `{STREAMS[producer]}`)\n\n"
        f"| type | subject | consumers | what it says |\n|---|---|---|---|\n{rows}"
    )


def _row(entry: Entry) -> str:
    says = _first_line(entry).replace("|", "\\|")
    return f"| `{entry.type}` | `{address_of(entry)}` | {_consumers(entry)} | {says} |\n"


def _consumers(entry: Entry) -> str:
    return ", ".join(entry.consumers) or "none"


def _first_line(entry: Entry) -> str:
    return (entry.model.__doc__ or "").strip().partition("\n")[0]


def documents() -> dict[Path, str]:
    """Every file written here, with its text."""
    return {ASYNCAPI: as_yaml(asyncapi()), EVENTS_PAGE: events_page()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ops.contracts_document", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not as generated"
    )
    if parser.parse_args(arguments).check:
        return report(differences(documents(), ()), "run: python -m ops.contracts_document")
    write(documents())
    return 0


if __name__ == "__main__":
    sys.exit(main())
