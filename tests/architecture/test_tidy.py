"""The tree stays a place to feel at home in: small files, small functions, honest names, nothing left lying about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import PACKAGES, ROOT, calls, imports, modules, parsed, text_files, where

FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc", "manager", "managers"}
DECISIONS = ("services/*/domain", "services/*/reactions", "services/*/reactions.py")
CLOCK_AND_DICE = re.compile(
    r"(datetime|date)\.(now|today|utcnow)$|(uuid\.)?uuid[1-8]$|(random|secrets)\.|time\.(time|monotonic|sleep)|os\.urandom$"
)
MONEY = ("contracts", "services/billing/domain")
LEFT_OVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
SOMEBODYS_MACHINE = re.compile(r"(?<![\w.}])/(root|home|Users|mnt|work|workspace)/\w")
REGISTRY = re.compile(r"index-url|pythonhosted|artifactory|\bpypi\.|://[\w.-]*registry[\w.-]*/")
MAY_SEE_A_FLOAT = {
    "contracts/money.py": "`to_minor` is where a channel's JSON number ends: it becomes an integer or is refused",
}
MAY_SLEEP = {
    "tests/conftest.py": "`eventually` looks at other processes, which tell nobody when they are ready",
}


def test_files_tell_one_story() -> None:
    """A file that must be scrolled for a while is usually two."""
    long = {where(path): len(path.read_text().splitlines()) for path in modules(*PACKAGES)}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES_MAX} == {}


def test_functions_fit_on_a_screen() -> None:
    """One over sixty lines hides a second one; tests included."""
    long = [
        f"{where(path, node.lineno)} {node.name}: {lines} lines"
        for path in modules(*PACKAGES, "tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_modules_are_named_for_what_they_hold() -> None:
    """A drawer for everything ends up holding everything."""
    vague = [
        where(path)
        for path in modules(*PACKAGES, "tests")
        if NAMES_THAT_SAY_NOTHING & {word for part in path.relative_to(ROOT).parts for word in _words(part)}
    ]
    assert vague == []


def _words(part: str) -> list[str]:
    return part.removesuffix(".py").split("_")


def test_every_module_says_what_it_is() -> None:
    """The first line of a file is what its reader came for."""
    assert [where(path) for path in modules(*PACKAGES) if not ast.get_docstring(parsed(path))] == []


def test_a_decision_reads_no_clock_and_throws_no_dice() -> None:
    """P5: time and ids come in as arguments, or a rebuild would decide otherwise."""
    impure = [
        f"{where(path, line)} {name}"
        for path in modules(*DECISIONS)
        for name, line in calls(path)
        if CLOCK_AND_DICE.match(name)
    ]
    assert impure == []


def test_money_is_never_a_float() -> None:
    """0.1 + 0.2 is not 0.3: amounts are integers in minor units, rates are decimals."""
    floats = {where(path): line for path in modules(*MONEY) for line in _floats(path)}
    assert floats.keys() == MAY_SEE_A_FLOAT.keys(), floats


def _floats(path: Path) -> Iterator[int]:
    for node in ast.walk(parsed(path)):
        named = isinstance(node, ast.Name) and node.id == "float"
        written = isinstance(node, ast.Constant) and isinstance(node.value, float)
        if named or written:
            yield node.lineno


def test_nothing_is_left_to_do() -> None:
    """What is not done is on an issue, where somebody looks."""
    assert [place for path in text_files() for place in _found(LEFT_OVER, path)] == []


def test_the_tree_runs_anywhere() -> None:
    """No path of somebody's machine and no package registry: both break on the next machine."""
    for pattern in (SOMEBODYS_MACHINE, REGISTRY):
        assert [place for path in text_files() for place in _found(pattern, path)] == []
    assert not (ROOT / "uv.lock").exists(), "a lock file names the registry it was made with"


def _found(pattern: re.Pattern[str], path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    this_file = path == Path(__file__)
    return [
        where(path, number) for number, line in enumerate(lines, 1) if pattern.search(line) and not this_file
    ]


def test_no_test_sleeps() -> None:
    """A sleep is a guess about a machine; `until` waits for what is meant."""
    sleeps = {
        where(path): line
        for path in modules("tests")
        for name, line in calls(path)
        if name in ("time.sleep", "sleep")
    }
    assert sleeps.keys() == MAY_SLEEP.keys(), sleeps


def test_nothing_of_ours_is_mocked() -> None:
    """A mock agrees with whoever wrote it; the embedded parts are real."""
    mocking = [
        where(path)
        for path in modules(*PACKAGES, "tests")
        if any(name.split(".")[-1] == "mock" or name in ("pytest_mock", "mock") for name in imports(path))
    ]
    assert mocking == []
