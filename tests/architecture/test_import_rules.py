"""Who may know whom: the contracts of import-linter hold, and what they cannot say is said here."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, SERVICES, imports, modules, where

LINT = Path(sysconfig.get_path("scripts")) / "lint-imports"
PURE = {
    "__future__", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib",
    "itertools", "math", "operator", "re", "string", "types", "typing", "unicodedata", "urllib.parse",
}  # fmt: skip
"""Of the standard library, what has no clock, no dice and no way out of the process."""
CONTRACTS_MAY = {"pydantic", "pydantic_core"}


def test_the_import_contracts_hold() -> None:
    """Services apart, one way through each, pure domains, one door to bus and stores: see pyproject.toml."""
    told = subprocess.run(
        [LINT, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_knows_its_words_and_pure_parts_of_the_standard_library(service: str) -> None:
    """A list of what is allowed: whatever is invented tomorrow is kept out as well."""
    own = f"services.{service}.domain"
    foreign = [
        f"{where(path)} {name}"
        for path in modules(f"services/{service}/domain")
        for name in sorted(imports(path))
        if not _is_in(name, PURE | {"contracts", own})
    ]
    assert foreign == []


def test_contracts_need_pydantic_only() -> None:
    """Anybody can take the language and leave the rest."""
    foreign = [
        f"{where(path)} {name}"
        for path in modules("contracts")
        for name in sorted(imports(path))
        if name.split(".")[0] not in CONTRACTS_MAY | {"contracts"} | sys.stdlib_module_names
    ]
    assert foreign == []


def _is_in(name: str, allowed: set[str]) -> bool:
    return any(name == known or name.startswith(f"{known}.") for known in allowed)
