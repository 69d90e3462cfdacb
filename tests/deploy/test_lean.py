"""What is left of the installed packages in the image, and the bytecode that goes with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import chassis.clock
from deploy.lean import bytecode_of, compile_all, loaded_sources, take_out

LOADED = "import sys; import chassis.clock as clock; sys.stdout.write(str(clock.__cached__))"


def test_what_is_unused_goes_and_what_is_beside_it_stays(tmp_path: Path) -> None:
    """A country's name in Polish is not needed; the list of countries is."""
    gone = (
        "pycountry/locales/pl/LC_MESSAGES/iso3166-1.mo",
        "pillow.libs/libavif-1.so.1",
        "aiohttp/tests/test_it.py",
    )
    kept = (
        "pycountry/databases/iso3166-1.json",
        "pillow.libs/libjpeg-1.so.6",
        "ttf_opensans/ttf/OpenSans-Bold.ttf",
    )
    for name in (*gone, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    take_out(tmp_path)
    assert [name for name in (*gone, *kept) if (tmp_path / name).exists()] == list(kept)


def test_what_is_loaded_is_compiled_where_python_looks_for_it(tmp_path: Path) -> None:
    """Python itself says from where it took a module."""
    source = Path(chassis.clock.__file__)
    assert {source, Path(subprocess.__file__)} <= set(loaded_sources())
    compile_all([source], tmp_path)
    root = source.parents[1]
    command = [sys.executable, "-X", f"pycache_prefix={tmp_path}", "-B", "-c", LOADED]
    taken = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert Path(taken.stdout) == bytecode_of(source, tmp_path)
