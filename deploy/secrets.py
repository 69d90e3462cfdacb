"""`python -m deploy.secrets`: draw every secret that the manifests name, as one Kubernetes List on stdout.

    python -m deploy.secrets --namespace doorstep | kubectl create -f -
    python -m deploy.secrets --namespace doorstep --only nats-users | kubectl replace -f -

`create` and not `apply`: what is there already is left as it is. `--only` draws a part anew, to rotate it. A cluster
with External Secrets or a vault provides Secrets of the same names and keys instead, and needs none of this; as
delivered, a job draws what is missing (`deploy.draw_secrets`). With `--database` the URLs lead to a PostgreSQL server
of one's own: those it cannot draw. With `--folder` the same values are written as files for the compose set-up.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chassis import nkeys
from chassis.names import CELL_FORM
from deploy.certificates import issue
from deploy.database import EXAMPLE, DatabaseWrong, Server
from deploy.nats.permissions import users
from deploy.secret_forms import Contents, FolderWrong, as_list, replace_files, write_files

REPLICAS = 3
SERVERS = ("nats-0", "nats-1", "nats-2")
"""What the NATS servers are called under compose."""
NAMESPACE_FORM = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
"""What Kubernetes takes as the name of a namespace."""
CHANNELS = ("shopify", "woocommerce", "market")
"""Channels of the delivered configuration; their shops tell us the secret, or are told this one."""
PARTS = ("channels", "nats-users", "nats-tls", "postgres-owner", "postgres-logins", "access", "master-key")
"""What is drawn together, because it belongs together. Secrets that become variables come first: a kubelet that misses
a file looks again within a second, one that misses a variable after ten.
"""
ROTATED = ("nats-users", "nats-tls", "postgres-owner", "postgres-logins", "access")
"""What may be drawn anew and put in the place of the old. What the master key sealed only `rotate-master-key` gives to
another; a channel's secret is agreed with its shop.
"""


def drawn(
    cell: str,
    namespace: str,
    server_names: tuple[str, ...] = (),
    parts: Sequence[str] = (),
    database: Server | None = None,
) -> dict[str, Contents]:
    """Every Secret by name, or those of some parts: key to value. The NATS servers know everybody's public key and
    nobody's seed. Names are the same in every cell, as each has a namespace of its own. Without a `database` of one's
    own the operator's is meant.
    """
    server = database or Server.of_the_operator(namespace)
    draw: dict[str, Callable[[], dict[str, Contents]]] = {
        "channels": _channels,
        "nats-users": lambda: _nats_users(cell),
        "nats-tls": lambda: _nats_tls((*server_names, *names_of_servers(namespace))),
        "postgres-owner": server.owners,
        "postgres-logins": server.logins,
        "access": lambda: {"access": {"password": _password()}},
        "master-key": lambda: {"master-key": {"key": secrets.token_hex(32)}},
    }
    return {name: contents for part in parts or PARTS for name, contents in draw[part]().items()}


def _nats_users(cell: str) -> dict[str, Contents]:
    """A seed for each user, and for `sys`, who sees the servers; the servers get the public halves."""
    seeds = {user.variable: (user.name.removeprefix(f"{cell}-"), nkeys.draw()) for user in users(cell)}
    seeds["SYS"] = ("sys", nkeys.draw())
    public = {f"NATS_NKEY_{variable}": nkeys.public_of(seed) for variable, (_, seed) in seeds.items()}
    return {"nats-server": public} | {f"nats-user-{name}": {"seed": seed} for name, seed in seeds.values()}


def _nats_tls(names: tuple[str, ...]) -> dict[str, Contents]:
    authority, certificate, key = issue(names)
    return {
        "nats-tls": {"ca.crt": authority, "tls.crt": certificate, "tls.key": key},
        "nats-authority": {"ca.crt": authority},
    }


def _channels() -> dict[str, Contents]:
    secret = {f"DOORSTEP_CHANNELS__{name.upper()}__SECRET": secrets.token_hex(32) for name in CHANNELS}
    return {"channels": secret}


def names_of_servers(namespace: str) -> tuple[str, ...]:
    """Under which host names clients and the other servers reach the NATS servers in the cluster."""
    service = ("nats", f"nats.{namespace}", f"nats.{namespace}.svc", f"nats.{namespace}.svc.cluster.local")
    pods = tuple(f"nats-{n}.nats-servers" for n in range(REPLICAS))
    return (*service, *pods, "*.nats-servers", f"*.nats-servers.{namespace}.svc.cluster.local")


def _password() -> str:
    """256 bits."""
    return secrets.token_hex(32)


def main() -> None:
    """Draw and write. Exits with one line where it cannot."""
    parser = _arguments()
    said = parser.parse_args()
    database = _database(parser, said)
    try:
        if said.folder is None:
            found = drawn(said.cell, said.namespace, parts=said.only, database=database)
            _say(as_list(found, said.namespace))
        elif said.only:
            replace_files(drawn(said.cell, said.namespace, SERVERS, said.only), said.folder)
        else:
            write_files(drawn(said.cell, said.namespace, SERVERS), said.folder)
    except (OSError, FolderWrong) as reason:
        sys.exit(f"secrets: {reason}")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.secrets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--namespace",
        default="doorstep",
        type=_name_like(NAMESPACE_FORM),
        help="where they will be (default: doorstep); the servers' certificate and the database's address contain it",
    )
    parser.add_argument(
        "--cell",
        default="default",
        type=_name_like(CELL_FORM),
        help="the cell to draw for (default: default)",
    )
    parser.add_argument("--folder", type=Path, help="write files there instead of a List to stdout")
    parser.add_argument(
        "--only",
        action="append",
        choices=ROTATED,
        default=[],
        metavar="PART",
        help=f"draw this part alone, anew; give it again for more: {', '.join(ROTATED)}",
    )
    parser.add_argument("--database", metavar="URL", help=f"a server of one's own, as its owner: {EXAMPLE}")
    parser.add_argument("--database-password-file", type=Path, metavar="FILE", help="that owner's password")
    parser.add_argument(
        "--database-ca", type=Path, metavar="FILE", help="who signed that server's certificate"
    )
    return parser


def _database(parser: argparse.ArgumentParser, said: argparse.Namespace) -> Server | None:
    given = (said.database, said.database_password_file, said.database_ca)
    if not any(given):
        return None
    if said.folder:
        parser.error("--folder is for the compose set-up, which brings its own database")
    if not all(given):
        parser.error("--database, --database-password-file and --database-ca belong together")
    try:
        return Server.of_ones_own(*given, cell=said.cell)
    except DatabaseWrong as wrong:
        parser.error(str(wrong))


def _name_like(form: str) -> Callable[[str], str]:
    """A type of arguments. What is wrong is said now, and not by the cluster after half of it was made."""

    def checked(text: str) -> str:
        if re.fullmatch(form, text) is None:
            raise argparse.ArgumentTypeError(f"{text!r} does not match {form}")
        return text

    return checked


def _say(listed: dict[str, Any]) -> None:
    """On stdout, and not through `sys.stdout`, which would complain again at the end where nobody listens any more."""
    with open(sys.stdout.fileno(), "w", closefd=False) as out:
        out.write(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    main()
