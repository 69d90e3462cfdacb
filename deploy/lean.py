"""Makes the image lean: `python -m deploy.lean --bytecode DIR`, run once while it is built.

Takes out of the installed packages what nothing here uses, and compiles what our parts import, of Python's own
library too, for `PYTHONPYCACHEPREFIX=DIR`: the file system of a container cannot be written, so that whatever is not
compiled here is compiled again at every start.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import py_compile
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from chassis.iso3166 import LANGUAGES

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
OURS = ("contracts", "chassis", "services", "ops", "deploy")
UNUSED = (
    "**/tests",
    "**/test",
    "**/__pycache__",
    "pip",  # there is nothing to install
    "pip-*.dist-info",
    "pycountry/locales/*/LC_MESSAGES/iso[!3]*",  # of other languages it is countries that we know by name,
    "pycountry/locales/*/LC_MESSAGES/iso3166-[!1]*",  # in some of them (`languages`)
    "PIL/_avif*",  # reportlab loads Pillow for pictures, and our documents have none:
    "PIL/_webp*",  # its core has to be there, picture formats and fonts of its own do not
    "PIL/_imagingcms*",
    "PIL/_imagingft*",
    "pillow.libs/libavif*",
    "pillow.libs/libwebp*",
    "pillow.libs/libsharpyuv*",
    "pillow.libs/liblcms2*",
    "pillow.libs/libfreetype*",
    "pillow.libs/libharfbuzz*",
    "pillow.libs/libpng16*",
    "pillow.libs/libbrotli*",
    "reportlab/fonts",  # ours is Open Sans, in three weights
    "ttf_opensans/ttf/*Italic.ttf",
    "ttf_opensans/ttf/*Light.ttf",
    "ttf_opensans/ttf/*ExtraBold.ttf",
    "barcode/fonts",  # python-barcode only says where the bars are
    "rich",  # typer and structlog use it where it is there: colours for a person at a terminal
    "pygments",
    "markdown_it",
    "mdurl",
    "rich-*.dist-info",
    "pygments-*.dist-info",
    "markdown_it_py-*.dist-info",
    "mdurl-*.dist-info",
)
"""What is taken out of `site-packages`, as patterns of paths. `tests/deploy/test_image.py` uses what is left."""


def take_out(packages: Path) -> None:
    """Remove what is unused, as far as it is there."""
    for path in [path for pattern in UNUSED for path in packages.glob(pattern)] + languages(packages):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def languages(packages: Path) -> list[Path]:
    """Folders of languages in which nobody here knows countries."""
    return [folder for folder in packages.glob("pycountry/locales/*") if folder.name not in LANGUAGES]


def import_ours() -> None:
    """Import every module of ours, and with them what they stand on."""
    for package in OURS:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)


def loaded_sources() -> list[Path]:
    """The source files of all modules that are imported by now."""
    files = (getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
    return sorted({Path(file) for file in files if file.endswith(".py")})


def compile_all(sources: Iterable[Path], into: Path) -> None:
    """Bytecode below `into` that is taken without a look at its source."""
    for source in sources:
        compiled = str(bytecode_of(source, into))
        py_compile.compile(str(source), cfile=compiled, doraise=True, invalidation_mode=UNCHECKED)


def bytecode_of(source: Path, prefix: Path) -> Path:
    """Where Python looks for a module's bytecode when `PYTHONPYCACHEPREFIX` is set."""
    return prefix / source.parent.relative_to("/") / f"{source.stem}.{sys.implementation.cache_tag}.pyc"


def main() -> None:
    """Take out, import what is left, compile it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.lean", description=__doc__)
    parser.add_argument("--bytecode", type=Path, required=True, help="the folder for bytecode")
    folder: Path = parser.parse_args().bytecode
    take_out(Path(sysconfig.get_path("purelib")))
    import_ours()
    sources = loaded_sources()
    compile_all(sources, folder)
    sys.stdout.write(f"compiled {len(sources)} modules into {folder}\n")


if __name__ == "__main__":
    main()
