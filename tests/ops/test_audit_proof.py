"""Whoever changes the past is found: in an export and in a live store, at the right place, also when linked anew."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from contracts.parking import SERVICES
from ops.__main__ import main as doorstep
from ops.audit.checkpoints import make_checkpoint
from ops.audit.export import export_history, prove_live
from ops.audit.reader import NotProved, canonical, main, prove_export
from ops.system import System, find
from tests.ops import audit_histories as past


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Twelve events of each service, the first eight signed in two checkpoints."""
    past.write(tmp_path / "var")
    system = find(tmp_path / "var")
    make_checkpoint(system, past.moment(4))
    make_checkpoint(system, past.moment(8))
    return system


@pytest.fixture
def export(system: System, tmp_path: Path) -> Path:
    """The same, handed out."""
    export_history(system, tmp_path / "export")
    return tmp_path / "export"


def test_an_export_is_proved_offline_by_its_own_reader(export: Path, tmp_path: Path) -> None:
    """Another machine needs the folder and `cryptography`; nothing of ours is imported."""
    command = [sys.executable, "-I", str(export / "audit_reader.py"), str(export), "--json"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)

    said = json.loads(told.stdout)
    assert (told.returncode, said["proved"], said["checkpoints"], said["own_key"]) == (0, True, 2, True)
    assert said["until"] == "2024-03-01T00:08:00.000000Z"
    assert said["services"] == {name: {"proved": 8, "not_signed_yet": 4} for name in SERVICES}


def test_the_reader_stands_alone_and_can_be_read_in_one_sitting() -> None:
    """An auditor reads it before believing it."""
    text = Path(prove_export.__code__.co_filename).read_text()
    assert len(text.splitlines()) < 200
    assert not [
        line for line in text.splitlines() if line.startswith(("from ops", "from chassis", "import orjson"))
    ]


@pytest.mark.parametrize("at", [1, 6, 11])
@pytest.mark.parametrize("how", past.TAMPERINGS)
def test_a_changed_export_is_found_at_the_right_place(export: Path, how: str, at: int) -> None:
    """Before and after the signed part alike: the chain says it."""
    past.tamper(export, "billing", past.TAMPERINGS[how], at)
    with pytest.raises(NotProved) as found:
        prove_export(export)
    assert (found.value.service, found.value.position) == ("billing", at)


@pytest.mark.parametrize("how", ["flip", "insert", "reorder"])
def test_a_changed_live_store_is_found_at_the_right_place(system: System, export: Path, how: str) -> None:
    """In the file itself, by somebody who dropped its triggers."""
    past.tamper(export, "orders", past.TAMPERINGS[how], 6)
    past.into_the_store(export, system.data, "orders")
    with pytest.raises(NotProved) as found:
        prove_live(system)
    assert (found.value.service, found.value.position) == ("orders", 6)


def test_an_event_taken_out_of_a_live_store_is_found(system: System, export: Path) -> None:
    """Also at the very end of what was signed."""
    past.tamper(export, "notify", past.delete, 8)
    past.into_the_store(export, system.data, "notify")
    with pytest.raises(NotProved, match="notify at position 8: position 9 stands where 8 was due"):
        prove_live(system)


@pytest.mark.parametrize("how", past.TAMPERINGS)
def test_whoever_links_everything_anew_meets_the_checkpoint(export: Path, how: str) -> None:
    """The chain is whole again; the signed root is another. Changed was something in the period it signed."""
    past.tamper(export, "shipping", past.TAMPERINGS[how], 6)
    past.link_anew(export, "shipping")
    with pytest.raises(NotProved, match="linked anew: it, or one up to 8, was changed") as found:
        prove_export(export)
    assert (found.value.service, found.value.position) == ("shipping", 5)


def test_a_history_cut_short_is_refused(export: Path) -> None:
    """Its end is where somebody took the rest away."""
    for at in range(past.EVENTS, 6, -1):
        past.tamper(export, "inventory", past.delete, at)
    with pytest.raises(NotProved, match="inventory at position 7: ends here, a checkpoint signed 8 events"):
        prove_export(export)


def test_a_history_that_is_missing_is_refused(export: Path) -> None:
    """Four of five services prove nothing about the fifth."""
    (export / "billing.jsonl").unlink()
    with pytest.raises(NotProved, match="billing: is signed for, and not in this export"):
        prove_export(export)


def test_a_statement_changed_after_it_was_signed_is_refused(export: Path) -> None:
    """Here: that it reached further than it did."""
    path = export / "checkpoints" / "000002.json"
    path.write_text(path.read_text().replace('"position": 8', '"position": 7', 1))
    with pytest.raises(NotProved, match="checkpoint 2 is not signed with the key"):
        prove_export(export)


def test_a_checkpoint_taken_out_of_the_series_is_missed(export: Path) -> None:
    """Otherwise a period could be left unsigned without a trace."""
    (export / "checkpoints" / "000001.json").unlink()
    with pytest.raises(NotProved, match="checkpoint 2 does not follow what was signed before it"):
        prove_export(export)


def test_a_history_signed_by_somebody_else_is_refused_with_the_trusted_key(
    system: System, export: Path, tmp_path: Path
) -> None:
    """The key in the export proves only that the export is of one piece; the one from elsewhere proves whose it is."""
    forger = Ed25519PrivateKey.generate()
    (tmp_path / "trusted.pub").write_bytes((export / "audit.pub").read_bytes())
    public = forger.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (export / "audit.pub").write_bytes(public)
    for path in sorted((export / "checkpoints").glob("*.json")):
        said = json.loads(path.read_text())["statement"]
        signature = b64encode(forger.sign(canonical(said))).decode()
        path.write_text(json.dumps({"statement": said, "signature": signature}))
    assert prove_export(export)["own_key"]
    with pytest.raises(NotProved, match="checkpoint 1 is not signed with the key"):
        prove_export(export, tmp_path / "trusted.pub")


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"position": 1}', b'{"position": "1", "link": 7}', b"\xff\xfe", b"null"]
)
def test_a_line_that_is_no_event_is_named(export: Path, line: bytes) -> None:
    """One clear sentence, never a traceback."""
    with (export / "orders.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(NotProved, match="orders at position 13: this line cannot be read"):
        prove_export(export)


@pytest.mark.parametrize("line", ["version", "position", "entity"])
@pytest.mark.parametrize("value", [-1, 2**70, "x", None, [1], "\ud800"])
def test_a_line_with_nonsense_in_it_is_named(export: Path, line: str, value: object) -> None:
    """Whatever JSON can say."""
    past.tamper(export, "orders", lambda lines, at: lines[at - 1].update({line: value}), 3)
    with pytest.raises(NotProved) as found:
        prove_export(export)
    assert (found.value.service, found.value.position) == ("orders", 3)


def test_an_empty_folder_proves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and one line."""
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith(f"NOT proved: {tmp_path / 'audit.pub'} is not a public key")


def test_the_commands_say_the_same(system: System, tmp_path: Path) -> None:
    """checkpoint, export, verify, as a person or a program asks for them."""
    place = ["--data", str(system.data), "--json"]
    made = json.loads(CliRunner().invoke(doorstep, ["audit", "checkpoint", *place]).stdout)
    assert (made["statement"]["number"], made["statement"]["services"]["orders"]["position"]) == (
        3,
        past.EVENTS,
    )
    wrote = json.loads(
        CliRunner().invoke(doorstep, ["audit", "export", str(tmp_path / "out"), *place]).stdout
    )
    assert wrote == {"services": dict.fromkeys(SERVICES, past.EVENTS), "checkpoints": 3}
    key = str(system.data / "secrets" / "audit.pub")
    asked = ["audit", "verify", "--from", str(tmp_path / "out"), "--key", key]
    proved = json.loads(CliRunner().invoke(doorstep, [*asked, *place]).stdout)
    assert (proved["proved"], proved["own_key"], proved["checkpoints"]) == (True, False, 3)
    past.tamper(tmp_path / "out", "orders", past.flip, 2)
    told = CliRunner().invoke(doorstep, asked)
    assert told.exit_code == 1
    assert told.stderr == "doorstep: not proved: orders at position 2: is not what was linked here\n"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_million_events_are_proved_within_a_minute(
    tmp_path: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The measure of the issue; the time is printed."""
    million = 1_000_000
    last = past.write_long(export / "orders.jsonl", million)
    key = Ed25519PrivateKey.generate()
    ends = {service: {"position": 8, "link": _link_at(export, service, 8)} for service in SERVICES}
    said = {"number": 1, "previous": "", "from": None, "until": "2026-01-01T00:00:00.000000Z"}
    said |= {"services": ends | {"orders": {"position": million, "link": last}}}
    for path in (export / "checkpoints").glob("*.json"):
        path.unlink()
    signed = {"statement": said, "signature": b64encode(key.sign(canonical(said))).decode()}
    (export / "checkpoints" / "000001.json").write_text(json.dumps(signed))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (export / "audit.pub").write_bytes(public)
    started = time.monotonic()
    proved = prove_export(export)
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{million:,} events proved in {seconds:.1f} s ({million / seconds:,.0f}/s)")
    assert proved["services"]["orders"] == {"proved": million, "not_signed_yet": 0}
    assert seconds < 60


def _link_at(export: Path, service: str, position: int) -> str:
    line = (export / f"{service}.jsonl").read_text().splitlines()[position - 1]
    return str(json.loads(line)["link"])
