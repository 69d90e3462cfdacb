"""What the image says it is made of; `test_image.py` asks the image itself."""

from __future__ import annotations

import json
from importlib import metadata

import pytest

from deploy.sbom import debian_packages, document, python_packages

TRIXIE = {"ID": "debian", "VERSION_ID": "13"}
STATUS = """\
Package: libstdc++6
Status: install ok installed
Architecture: amd64
Source: gcc-14 (14.2.0-19)
Version: 14.2.0-19+b1
Depends: libc6 (>= 2.38)
Description: GNU Standard C++ Library v3
 This package contains an additional runtime library.
 .
 Version: of a description is none.

Package: tzdata
Status: deinstall ok config-files
Architecture: all
Version: 2026a-1

Package: login
Status: install ok installed
Architecture: amd64
Version: 1:4.16.0-2
"""


def require_cyclonedx(text: str) -> None:
    """The document is valid, strictly. Skips where nothing can tell."""
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is missing")
    schema = pytest.importorskip("cyclonedx.schema")
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text) is None


def test_debian_packages_are_named_as_scanners_read_them() -> None:
    """Only what is installed, an epoch and a plus sign escaped, and the source that advisories are about."""
    found = list(debian_packages(STATUS, TRIXIE))
    assert [(each["name"], each["version"]) for each in found] == [
        ("libstdc++6", "14.2.0-19+b1"),
        ("login", "1:4.16.0-2"),
    ]
    url = pytest.importorskip("packageurl").PackageURL.from_string(found[0]["purl"])
    assert (url.type, url.namespace, url.name, url.version) == ("deb", "debian", "libstdc++6", "14.2.0-19+b1")
    assert url.qualifiers == {"arch": "amd64", "distro": "debian-13", "upstream": "gcc-14@14.2.0-19"}


def test_the_document_is_cyclonedx() -> None:
    """By the schema of its version, with Debian's packages and those of this very environment in it."""
    made = document("0.1.0", [*debian_packages(STATUS, TRIXIE), *python_packages(metadata.distributions())])
    require_cyclonedx(json.dumps(made))
    assert any(each["name"] == "pytest" for each in made["components"])
