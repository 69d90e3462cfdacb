"""The tree as the rules about it see it: our own files, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "chassis", "services", "ops", "bench")
SERVICES = ("orders", "inventory", "shipping", "billing", "notify")
NOT_OURS = {"var", "tmp", "build", "dist", "__pycache__", "node_modules"}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".in",
    ".yaml",
    ".yml",
    ".json",
    ".html",
    ".css",
    ".js",
    ".subject",
    "",
}


@cache
def text_files() -> tuple[Path, ...]:
    """Every file of ours that is text. Folders that start with a dot hold tools' own things, but for the CI's."""
    return tuple(sorted(path for path in _walk(ROOT) if path.suffix in TEXT))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS or (path.name.startswith(".") and path.name not in (".ci", ".github")):
            continue
        if path.is_dir():
            yield from _walk(path)
        elif not path.name.endswith(".egg-info"):
            yield path


@cache
def modules(*folders: str) -> tuple[Path, ...]:
    """The Python files under these folders of the tree; a pattern may stand for several."""
    found = (path for folder in folders for place in ROOT.glob(folder) for path in _python(place))
    return tuple(sorted(found))


def _python(place: Path) -> Iterator[Path]:
    return iter((place,)) if place.suffix == ".py" else place.rglob("*.py")


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """The full names of the modules that a file imports, at its top or anywhere in it."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """What a file calls, as written, with the line: `datetime.now`, `uuid4`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def where(path: Path, line: int | None = None) -> str:
    """A place in the tree, as editors understand it."""
    name = path.relative_to(ROOT).as_posix()
    return f"{name}:{line}" if line else name
