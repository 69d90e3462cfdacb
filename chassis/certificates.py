"""Until when the certificates hold on which this process stands: its own, the authorities it believes, and NATS's.

They are read once, when they are put to use: a file that was renewed since is of no use before the next start. What
NATS shows is asked of the connection, whoever signed it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from chassis.bus import Bus
from chassis.login import Login
from chassis.logs import logger
from chassis.tls import Tls

NATS_SERVER = "nats_server"
"""The one certificate of which no file is here."""

type Ends = Mapping[str, datetime]
"""By setting, when what its file holds ends."""


def ends(tls: Tls, login: Login) -> Ends:
    """For each configured file. A chain ends with its first certificate; of several authorities, which stand side by
    side while one is exchanged, the last counts.
    """
    files: tuple[tuple[str, Path | None, Callable[[Iterable[datetime]], datetime]], ...] = (
        ("cert_file", tls.cert_file, min),
        ("ca_file", tls.ca_file, max),
        ("client_ca_file", tls.client_ca_file, max),
        ("nats_ca_file", login.nats_ca_file, max),
    )
    found = {}
    for name, path, of_several in files:
        if path is not None and (all_of_them := _read(name, path)):
            found[name] = of_several(all_of_them)
    return found


def nats_server_end(bus: Bus) -> Ends:
    """What the server of the present connection has shown; nothing without TLS, or without a connection."""
    shown = bus.server_certificate or {}
    if "notAfter" not in shown:
        return {}
    return {NATS_SERVER: datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)}


def _read(name: str, path: Path) -> list[datetime]:
    try:
        return [each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes())]
    except (OSError, ValueError) as fault:
        logger().warning("figures_not_read", error=f"{name}: {fault}")
        return []
