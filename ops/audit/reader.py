"""Proves an exported history offline: `python audit_reader.py DIR`. Needs Python 3.12 and `cryptography` only.

DIR holds `<service>.jsonl` (one event a line, in order), `checkpoints/*.json` (signed roots, in order) and `audit.pub`.
Each event's link is a SHA-256 over the link before it and everything the event says, so that a changed, missing, added
or moved event breaks the chain there. A checkpoint says, signed, which link stood at which position of each service:
who links everything anew after a change meets it. What was exported after the last checkpoint is linked, not proved.
"""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = bytes(32)
"""What the first event's link is made on."""
KEY_FILE, CHECKPOINTS = "audit.pub", "checkpoints"
_head = Struct(">QQIIII").pack

type Event = tuple[int, str, int, str, bytes, bytes, bytes]
"""Position in the service, entity, version in the entity, type, payload, headers as stored, link."""
type Checkpoint = dict[str, Any]


class NotProved(Exception):
    """The history is not what was signed. Says in which service and from which position on, where that is known."""

    def __init__(self, why: str, service: str = "", position: int | None = None) -> None:
        where = service if position is None else f"{service} at position {position}"
        super().__init__(f"{where}: {why}" if where else why)
        self.service, self.position = service, position


def link(before: bytes, event: Event) -> bytes:
    """SHA-256 over the link before, two 8-byte numbers and four 4-byte lengths (big-endian), then the texts."""
    position, name, version, kind, data, headers, _ = event
    texts = (name.encode(errors="surrogatepass"), kind.encode(errors="surrogatepass"), headers, data)
    return sha256(b"".join((before, _head(position, version, *map(len, texts)), *texts))).digest()


def canonical(statement: Mapping[str, Any]) -> bytes:
    """What is signed: UTF-8 JSON, keys sorted, no spaces."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_id(key: Ed25519PublicKey) -> str:
    """The key's fingerprint: SHA-256 over its 32 bytes, in hex. Compare it with what the shop says elsewhere."""
    return sha256(key.public_bytes_raw()).hexdigest()


def read_key(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key in PEM."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise NotProved(f"{path} is not a public key: {fault}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise NotProved(f"{path} is not an Ed25519 key")
    return key


def read_checkpoints(folder: Path) -> list[Checkpoint]:
    """All of a folder, in order."""
    try:
        return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    except ValueError as fault:
        raise NotProved(f"a checkpoint in {folder} is not JSON: {fault}") from None


def read_events(path: Path, service: str) -> Iterator[Event]:
    """The events of an exported file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                said = json.loads(line)
                data, headers, made = (
                    b64decode(said["data"]),
                    b64decode(said["headers"]),
                    bytes.fromhex(said["link"]),
                )
                yield (
                    said["position"],
                    str(said["entity"]),
                    said["version"],
                    str(said["type"]),
                    data,
                    headers,
                    made,
                )
            except (ValueError, KeyError, TypeError) as fault:
                raise NotProved(f"this line cannot be read: {fault!r}", service, number) from None


def require_signed(checkpoints: Sequence[Checkpoint], key: Ed25519PublicKey) -> None:
    """Every signature is the key's, and each checkpoint goes on where the one before it ended. Raises `NotProved`."""
    if not checkpoints:
        raise NotProved("there is no checkpoint: without a signature nothing is proved")
    before, until = "", None
    for number, checkpoint in enumerate(checkpoints, start=1):
        try:
            said = checkpoint["statement"]
            key.verify(b64decode(checkpoint["signature"]), canonical(said))
            follows = (said["number"], said["previous"], said["from"]) == (number, before, until)
        except (InvalidSignature, KeyError, TypeError, ValueError):
            raise NotProved(f"checkpoint {number} is not signed with the key {key_id(key)}") from None
        if not follows:
            raise NotProved(f"checkpoint {said['number']} does not follow what was signed before it")
        before, until = sha256(canonical(said)).hexdigest(), said["until"]


def require_unbroken(service: str, events: Iterable[Event], roots: Sequence[Mapping[str, Any]]) -> int:
    """Walk a service's chain past every signed position and link; returns how far it goes. Raises `NotProved`."""
    ahead = iter([root for root in roots if root["position"]])
    signed = next(ahead, None)
    versions: dict[str, int] = {}
    position, before, proved = 0, GENESIS, 0
    for event in events:
        position += 1
        version = versions[event[1]] = versions.get(event[1], 0) + 1
        if event[0] != position:
            raise NotProved(f"position {event[0]} stands where {position} was due", service, position)
        if event[2] != version:
            raise NotProved(f"version {event[2]} stands where {version} was due", service, position)
        before = link(before, event)
        if event[6] != before:
            raise NotProved("is not what was linked here", service, position)
        while signed and signed["position"] == position:
            if signed["link"] != before.hex():
                raise NotProved(f"linked anew: it, or one up to {position}, was changed", service, proved + 1)
            proved, signed = position, next(ahead, None)
    if signed:
        raise NotProved(f"ends here, a checkpoint signed {signed['position']} events", service, position + 1)
    return position


def prove(
    histories: Mapping[str, Iterable[Event]], checkpoints: Sequence[Checkpoint], key: Ed25519PublicKey
) -> dict[str, Any]:
    """What is proved: the period, and how many events of each service. Raises `NotProved` with the first fault."""
    require_signed(checkpoints, key)
    last, proved = checkpoints[-1]["statement"], {}
    for service in last["services"]:
        if service not in histories:
            raise NotProved("is signed for, and not in this export", service)
        signed = [checkpoint["statement"]["services"][service] for checkpoint in checkpoints]
        events = require_unbroken(service, histories[service], signed)
        end = signed[-1]["position"]
        proved[service] = {"proved": end, "not_signed_yet": events - end}
    said = {"until": last["until"], "checkpoints": len(checkpoints), "key": key_id(key)}
    return {"proved": True, **said, "services": proved}


def prove_export(folder: Path, key_path: Path | None = None) -> dict[str, Any]:
    """Prove an exported folder; with its own key, where no other is given. Raises `NotProved`."""
    key, checkpoints = read_key(key_path or folder / KEY_FILE), read_checkpoints(folder / CHECKPOINTS)
    histories = {path.stem: read_events(path, path.stem) for path in sorted(folder.glob("*.jsonl"))}
    return prove(histories, checkpoints, key) | {"own_key": key_path is None}


def readable(said: Mapping[str, Any]) -> str:
    """For people."""
    if not said["proved"]:
        return f"NOT proved: {said['why']}"
    lines = [f"proved: everything from the first event until {said['until']} stands as it was signed"]
    for service, ends in said["services"].items():
        lines.append(
            f"  {service:<10} {ends['proved']:>12,} events, {ends['not_signed_yet']:,} more not signed yet"
        )
    whose = " (the export's own: compare it with what the shop says elsewhere)" if said["own_key"] else ""
    return "\n".join((*lines, f"  {said['checkpoints']} checkpoints, key {said['key']}{whose}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0 where everything is proved, 1 with one line where it is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="what `doorstep audit export` wrote")
    parser.add_argument("--key", type=Path, help="public key from a place you trust  [default: the export's]")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    asked = parser.parse_args(arguments)
    try:
        said = prove_export(asked.folder, asked.key)
    except NotProved as fault:
        said = {"proved": False, "service": fault.service, "position": fault.position, "why": str(fault)}
    sys.stdout.write((json.dumps(said) if asked.json else readable(said)) + "\n")
    return 0 if said["proved"] else 1


if __name__ == "__main__":
    sys.exit(main())
