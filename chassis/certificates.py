"""Until when the certificates hold on which this process stands: its own, the authorities it believes, and NATS's.

They are read once, when they are put to use: a file that was renewed since is of no use before the next start. What
NATS shows is asked of the connection, whoever signed it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from chassis.bus import Bus
from chassis.login import Login
from chassis.tls import Tls

NATS_SERVER = "nats_server"
"""The one certificate of which no file is here."""

type Ends = Mapping[str, datetime]
"""When each ends, by what it is called in the figures."""


class InUse(NamedTuple):
    """A file of certificates that a setting names. `of_several`, when they end, counts one."""

    setting: str
    path: Path
    of_several: Callable[[Iterable[datetime]], datetime]

    def end(self) -> datetime:
        """When it ends. Raises `OSError`, and `ValueError` for a file without certificates that can be read."""
        found = x509.load_pem_x509_certificates(self.path.read_bytes())
        return self.of_several(each.not_valid_after_utc for each in found)


def in_use(tls: Tls, login: Login) -> Iterator[InUse]:
    """Each configured file. A chain ends with its first certificate; of several authorities, which stand side by side
    while one is exchanged, the last counts.
    """
    for setting, path, of_several in (
        ("cert_file", tls.cert_file, min),
        ("ca_file", tls.ca_file, max),
        ("client_ca_file", tls.client_ca_file, max),
        ("nats_ca_file", login.nats_ca_file, max),
    ):
        if path is not None:
            yield InUse(setting, path, of_several)


def nats_server_end(bus: Bus) -> Ends:
    """What the server of the present connection has shown; nothing without TLS, or without a connection."""
    shown = bus.server_certificate or {}
    if "notAfter" not in shown:
        return {}
    return {NATS_SERVER: datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)}
