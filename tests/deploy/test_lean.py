"""What is left of the installed packages in the image, and the bytecode that goes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pycountry

import chassis.clock
from deploy.lean import bytecode_of, compile_all, loaded_sources, take_out

KNOWN = """
import sys, pycountry
from chassis.iso3166 import country_code, subdivision_code
codes = [*map(country_code, ("Germany", "Polska", "")), subdivision_code("US", "California")]
sys.stdout.write(" ".join((pycountry.__file__, *codes)))
"""
LOADED = "import sys; import chassis.clock as clock; sys.stdout.write(str(clock.__cached__))"


def test_what_is_unused_goes_and_what_is_beside_it_stays(tmp_path: Path) -> None:
    """A currency's name in Polish is not needed; a country's is."""
    gone = (
        "pycountry/locales/pl/LC_MESSAGES/iso4217.mo",
        "pycountry/locales/pl/LC_MESSAGES/iso3166-2.mo",
        "pycountry/locales/zu/LC_MESSAGES/iso3166-1.mo",
        "pillow.libs/libavif-1.so.1",
        "aiohttp/tests/test_it.py",
    )
    kept = (
        "pycountry/databases/iso3166-1.json",
        "pycountry/locales/pl/LC_MESSAGES/iso3166-1.mo",
        "pillow.libs/libjpeg-1.so.6",
        "ttf_opensans/ttf/OpenSans-Bold.ttf",
    )
    for name in (*gone, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    take_out(tmp_path)
    assert [name for name in (*gone, *kept) if (tmp_path / name).exists()] == list(kept)


def test_what_is_left_of_pycountry_knows_countries_and_states(tmp_path: Path) -> None:
    """As it is installed, without what the image leaves out."""
    shutil.copytree(Path(pycountry.__file__).parent, tmp_path / "pycountry")
    take_out(tmp_path)
    command = [sys.executable, "-B", "-c", KNOWN]
    asked = subprocess.run(
        command,
        cwd=Path(chassis.clock.__file__).parents[1],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (asked.stdout, asked.stderr) == (f"{tmp_path}/pycountry/__init__.py DE PL  CA", "")


def test_what_is_loaded_is_compiled_where_python_looks_for_it(tmp_path: Path) -> None:
    """Python itself says from where it took a module."""
    source = Path(chassis.clock.__file__)
    assert {source, Path(subprocess.__file__)} <= set(loaded_sources())
    compile_all([source], tmp_path)
    root = source.parents[1]
    command = [sys.executable, "-X", f"pycache_prefix={tmp_path}", "-B", "-c", LOADED]
    taken = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert Path(taken.stdout) == bytecode_of(source, tmp_path)
