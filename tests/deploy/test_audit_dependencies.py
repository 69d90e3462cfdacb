"""`make audit-deps` says what is known, and where nothing could be found out. pip-audit itself is a stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.audit_dependencies import MISSING, PINNED, Verdict, audit, main

SOUND = {"name": "aiohttp", "version": "3.13.2", "vulns": []}
ILL = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"]}]}
HOPELESS = {"name": "left-pad", "version": "1.0", "vulns": [{"id": "GHSA-2", "fix_versions": []}]}
UNKNOWN = {"name": "homemade", "skip_reason": "not known there"}
PINS = Path("requirements.txt")


def pip_audit(folder: Path, *, pypi: Any = None, osv: Any = None) -> str:
    """A program that answers as pip-audit does: JSON, or for None a fault on stderr. Always exit code 1."""
    answers = {
        source: json.dumps({"dependencies": said, "fixes": []})
        for source, said in (("pypi", pypi), ("osv", osv))
        if said is not None
    }
    program = folder / "pip-audit"
    program.write_text(f"""#!/usr/bin/env python3
import sys
said = {answers!r}.get(sys.argv[2])
print(said or "", end="")
sys.exit("ERROR:pip_audit: " + sys.argv[2] + " cannot be reached" if said is None else 1)
""")
    program.chmod(0o755)
    return str(program)


def test_versions_without_a_known_fault_pass(tmp_path: Path) -> None:
    """Each one counts."""
    assert audit(PINS, pip_audit(tmp_path, pypi=[SOUND, SOUND])) == Verdict(asked=2)


def test_each_fault_is_named_with_what_mends_it(tmp_path: Path) -> None:
    """So that one knows what to do."""
    assert audit(PINS, pip_audit(tmp_path, pypi=[SOUND, ILL, HOPELESS])).found == (
        "jinja2 2.0: PYSEC-1, mended in 3.1.6",
        "left-pad 1.0: GHSA-2, mended in no version",
    )


def test_a_source_that_is_away_is_replaced_by_the_next(tmp_path: Path) -> None:
    """One answer is enough; a mirror that has packages and no advisories gives none."""
    assert audit(PINS, pip_audit(tmp_path, osv=[SOUND])) == Verdict(asked=1)
    assert audit(PINS, pip_audit(tmp_path, pypi=[UNKNOWN], osv=[SOUND])) == Verdict(asked=1)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (
            {},
            "no source of vulnerabilities could be reached"
            " (ERROR:pip_audit: pypi cannot be reached; ERROR:pip_audit: osv cannot be reached)",
        ),
        (
            {"pypi": [UNKNOWN] * 7},
            "no source of vulnerabilities could be reached (pypi knows nothing of 7 packages: homemade, homemade,"
            " homemade, homemade, homemade and others; ERROR:pip_audit: osv cannot be reached)",
        ),
        ({"pypi": [SOUND, UNKNOWN]}, "knows nothing of 1 packages: homemade"),
    ],
)
def test_what_could_not_be_found_out_is_said(tmp_path: Path, answers: dict[str, Any], why: str) -> None:
    """A check that says nothing of the gap would be believed."""
    assert audit(PINS, pip_audit(tmp_path, **answers)).skipped == why
    assert audit(PINS, None).skipped == MISSING


@pytest.mark.parametrize(
    ("answers", "strict", "code"),
    [
        ({"pypi": [SOUND]}, True, 0),
        ({"pypi": [ILL]}, False, 1),
        ({}, False, 0),
        ({}, True, 1),
    ],
)
def test_a_skip_fails_only_where_it_is_told_to(
    tmp_path: Path,
    answers: dict[str, Any],
    strict: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a machine without the network it says SKIPPED; where the network has to be there, that is a fault."""
    program = pip_audit(tmp_path, **answers)
    monkeypatch.setattr("deploy.audit_dependencies.beside_this_python", lambda: program)
    assert main([*(["--strict"] if strict else []), str(PINS)]) == code
    heard = capsys.readouterr()
    assert ("SKIPPED requirements.txt" in heard.err) == (not answers)
    assert ("no vulnerability is known of its 1 packages" in heard.out) == (answers == {"pypi": [SOUND]})


def test_what_is_asked_about_is_pinned() -> None:
    """Both files are there, with a hash for each version: what is looked at is what is installed."""
    for file in PINNED:
        lines = file.read_text().splitlines()
        assert sum("==" in line for line in lines) > 10
        assert sum("--hash=" in line for line in lines) > 10
