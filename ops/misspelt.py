"""What stands in the configuration and the environment, and nobody reads: a name that is misspelt means the default."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from chassis.login import Login
from chassis.settings import System
from ops.configuration import TABLES, configuration, table
from services.billing.settings import ShopSettings

SEVERAL_READ = {
    "system": System.model_fields.keys()
    | Login.model_fields.keys()
    | {"page_host", "page_names", "services"},
    "shop": ShopSettings.model_fields.keys(),
}
"""Values of tables that more than one part reads, each its own."""


def unread() -> Iterator[str]:
    """A sentence for each table, value and variable that nobody reads, with the one that may be meant.

    Of other tables than `SEVERAL_READ` whoever reads them refuses what they do not know.
    """
    for name in configuration():
        if name not in TABLES:
            yield f"[{name}] in the configuration is read by nobody: {_hint(name, TABLES, '[{}]')}"
    for name, values in SEVERAL_READ.items():
        for value in table(name).keys() - values:
            yield f"{value} in [{name}] is read by nobody: {_hint(value, sorted(values), '{}')}"
    for variable in sorted(os.environ):
        name, nested, _ = variable.removeprefix("DOORSTEP_").partition("__")
        if nested and variable.startswith("DOORSTEP_") and name.lower() not in TABLES:
            yield f"{variable} is read by nobody: {_hint(name.lower(), TABLES, '[{}]')}"


def _hint(name: str, known: Sequence[str], form: str) -> str:
    meant = get_close_matches(name, known, n=1)
    return f"did you mean {form.format(meant[0])}?" if meant else f"there are {', '.join(known)}"
