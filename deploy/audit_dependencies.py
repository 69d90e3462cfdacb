"""`make audit-deps`: whether a vulnerability is known of any version we pin, by pip-audit, where it gets at its data.

It asks about exactly the pinned versions, installs nothing, and never passes silently: what could not be asked about
is said, in one line that begins with SKIPPED. `--strict` makes a skip a failure, for where the network has to be there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PINNED = (Path("requirements.txt"), Path("requirements-dev.txt"))
SOURCES = ("pypi", "osv")
"""Where pip-audit can look, in the order in which they are asked; the first that answers is believed."""
ANSWER_WITHIN_SECONDS = 300
NAMED_MAX = 5
MISSING = "pip-audit is not installed: pip install pip-audit"


class Verdict(NamedTuple):
    """What is known: `found` has a line for each vulnerability; `skipped` says why nothing is known."""

    asked: int = 0
    found: tuple[str, ...] = ()
    skipped: str = ""


def audit(requirements: Path, program: str | None) -> Verdict:
    """Ask about every version of a file, of each source until one answers."""
    if program is None:
        return Verdict(skipped=MISSING)
    reasons = []
    for source in SOURCES:
        said, why = _ask(program, source, requirements)
        verdict = Verdict() if said is None else _verdict(said)
        if verdict.asked:
            return verdict
        reasons.append(why or f"{source} {verdict.skipped}")
    return Verdict(skipped=f"no source of vulnerabilities could be reached ({'; '.join(reasons)})")


def _ask(program: str, source: str, requirements: Path) -> tuple[Any | None, str]:
    """The answer of one source, or None and the last thing that was said instead: pip-audit exits with 1 in both."""
    asking = (program, "--vulnerability-service", source, "--requirement", str(requirements))
    options = ("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off")
    try:
        done = subprocess.run(
            [*asking, *options], capture_output=True, text=True, check=False, timeout=ANSWER_WITHIN_SECONDS
        )
        return json.loads(done.stdout), ""
    except subprocess.TimeoutExpired:
        return None, f"no answer of {source} within {ANSWER_WITHIN_SECONDS} s"
    except json.JSONDecodeError:
        return None, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def _verdict(said: Any) -> Verdict:
    dependencies = said["dependencies"]
    asked = sum("vulns" in dependency for dependency in dependencies)
    unknown = [entry["name"] for entry in dependencies if "vulns" not in entry]
    named = ", ".join(unknown[:NAMED_MAX]) + (" and others" if len(unknown) > NAMED_MAX else "")
    skipped = f"knows nothing of {len(unknown)} packages: {named}" if unknown else ""
    return Verdict(asked, tuple(_lines(dependencies)), skipped)


def _lines(dependencies: Sequence[Any]) -> Iterator[str]:
    for entry in dependencies:
        for known in entry.get("vulns", ()):
            mended = ", ".join(known["fix_versions"]) or "no version"
            yield f"{entry['name']} {entry['version']}: {known['id']}, mended in {mended}"


def beside_this_python() -> str | None:
    """pip-audit of this environment, else of the machine."""
    return shutil.which("pip-audit", path=str(Path(sys.executable).parent)) or shutil.which("pip-audit")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 1 where a vulnerability is known, or with `--strict` where that could not be found out."""
    parser = argparse.ArgumentParser(prog="python -m deploy.audit_dependencies", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="a skip is a failure")
    parser.add_argument("files", nargs="*", type=Path, default=PINNED, help="pinned requirements with hashes")
    said = parser.parse_args(arguments)
    failed = False
    for requirements in said.files:
        verdict = audit(requirements, beside_this_python())
        for line in verdict.found:
            sys.stderr.write(f"{requirements}: {line}\n")
        if verdict.skipped:
            sys.stderr.write(f"SKIPPED {requirements}: {verdict.skipped}\n")
        elif not verdict.found:
            sys.stdout.write(f"{requirements}: no vulnerability is known of its {verdict.asked} packages\n")
        failed = failed or bool(verdict.found) or (said.strict and bool(verdict.skipped))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
