"""`python -m deploy.secrets`: draw every secret that the manifests name, as one Kubernetes List on stdout.

    python -m deploy.secrets --namespace doorstep | kubectl create -f -
    python -m deploy.secrets --namespace doorstep --only nats-users | kubectl replace -f -

`create` and not `apply`: what is there already is left as it is. `--only` draws a part anew, to rotate it. A cluster
with External Secrets or a vault provides Secrets of the same names and keys instead, and needs none of this. With
`--folder` the same values are written as files for the compose set-up.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chassis import nkeys
from contracts.parking import SERVICES
from deploy.certificates import issue
from deploy.nats.permissions import users

type Contents = dict[str, str]
REPLICAS = 3
SERVERS = ("nats-0", "nats-1", "nats-2")
"""What the NATS servers are called under compose."""
DATABASE = "doorstep"
POSTGRES_AUTHORITY = "/run/secrets/postgres-authority/ca.crt"
LABELS = {"app.kubernetes.io/part-of": "doorstep"}
CHANNELS = ("shopify", "woocommerce", "market")
"""Channels of the delivered configuration; their shops tell us the secret, or are told this one."""
ROTATED = ("nats-users", "nats-tls", "postgres-owner", "postgres-logins", "access")
"""What may be drawn anew and put in the place of the old. What the master key sealed only `rotate-master-key` gives to
another; a channel's secret is agreed with its shop.
"""


def drawn(
    cell: str, namespace: str, server_names: tuple[str, ...] = (), parts: Sequence[str] = ()
) -> dict[str, Contents]:
    """Every Secret by name, or those of some parts: key to value. The NATS servers know everybody's public key and
    nobody's seed. Names are the same in every cell, as each has a namespace of its own.
    """
    draw: dict[str, Callable[[], dict[str, Contents]]] = {
        "nats-users": lambda: _nats_users(cell),
        "nats-tls": lambda: _nats_tls((*server_names, *names_of_servers(namespace))),
        "postgres-owner": lambda: _postgres(namespace, {"owner": DATABASE}),
        "postgres-logins": lambda: _postgres(namespace, {service: service for service in SERVICES}),
        "access": lambda: {"access": {"password": _password()}},
        "master-key": lambda: {"master-key": {"key": secrets.token_hex(32)}},
        "channels": _channels,
    }
    return {name: contents for part in parts or draw for name, contents in draw[part]().items()}


def _nats_users(cell: str) -> dict[str, Contents]:
    """A seed for each user, and for `sys`, who sees the servers; the servers get the public halves."""
    seeds = {user.variable: (user.name.removeprefix(f"{cell}-"), nkeys.draw()) for user in users(cell)}
    seeds["SYS"] = ("sys", nkeys.draw())
    public = {f"NATS_NKEY_{variable}": nkeys.public_of(seed) for variable, (_, seed) in seeds.items()}
    return {f"nats-user-{name}": {"seed": seed} for name, seed in seeds.values()} | {"nats-server": public}


def _nats_tls(names: tuple[str, ...]) -> dict[str, Contents]:
    authority, certificate, key = issue(names)
    return {
        "nats-tls": {"ca.crt": authority, "tls.crt": certificate, "tls.key": key},
        "nats-authority": {"ca.crt": authority},
    }


def _channels() -> dict[str, Contents]:
    secret = {f"DOORSTEP_CHANNELS__{name.upper()}__SECRET": secrets.token_hex(32) for name in CHANNELS}
    return {"channels": secret}


def _postgres(namespace: str, logins: dict[str, str]) -> dict[str, Contents]:
    """Users of the database by their Secret's name, in the form that CloudNativePG and our pods read.

    The server has to prove that it is ours, by the operator's authority in the Secret `postgres-ca`.
    """
    found, proof = {}, f"sslmode=verify-full&sslrootcert={POSTGRES_AUTHORITY}"
    for name, user in logins.items():
        password = _password()
        uri = f"postgresql://{user}:{password}@postgres-rw.{namespace}:5432/{DATABASE}?{proof}"
        found[f"postgres-{name}"] = {"username": user, "password": password, "uri": uri}
    return found


def names_of_servers(namespace: str) -> tuple[str, ...]:
    """Under which host names clients and the other servers reach the NATS servers in the cluster."""
    service = ("nats", f"nats.{namespace}", f"nats.{namespace}.svc", f"nats.{namespace}.svc.cluster.local")
    pods = tuple(f"nats-{n}.nats-servers" for n in range(REPLICAS))
    return (*service, *pods, "*.nats-servers", f"*.nats-servers.{namespace}.svc.cluster.local")


def as_kubernetes(found: dict[str, Contents], namespace: str) -> dict[str, Any]:
    """A List of Secrets. JSON is YAML, and needs no library to be written."""
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace, "labels": LABELS | _reloaded(contents)},
                "type": "kubernetes.io/basic-auth" if _is_login(contents) else "Opaque",
                "stringData": contents,
            }
            for name, contents in found.items()
        ],
    }


def _is_login(contents: Contents) -> bool:
    return "username" in contents


def _reloaded(contents: Contents) -> Contents:
    """The database's operator heeds a changed password only of Secrets with this label."""
    return {"cnpg.io/reload": "true"} if _is_login(contents) else {}


def as_files(found: dict[str, Contents], folder: Path, *, again: bool = False) -> None:
    """`<folder>/<secret>/<key>`, and `<secret>.env` where the keys are variables. Overwrites only `again`."""
    for name, contents in found.items():
        if all(key.isupper() for key in contents):
            text = "".join(f"{key}={value}\n" for key, value in contents.items())
            _write(folder / f"{name}.env", text, again)
        else:
            for key, value in contents.items():
                _write(folder / name / key, value, again)


def _write(path: Path, text: str, again: bool) -> None:
    """In its place, not beside it: a container that has mounted the file sees what it says now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = os.O_TRUNC if again else os.O_EXCL
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o644), "w") as file:
        file.write(text)


def _password() -> str:
    """256 bits."""
    return secrets.token_hex(32)


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(prog="python -m deploy.secrets", description=__doc__.split("\n")[0])
    parser.add_argument("--namespace", default="doorstep")
    parser.add_argument("--cell", default="default", help="the cell to draw for")
    parser.add_argument("--folder", type=Path, help="write files there instead of a List to stdout")
    parser.add_argument(
        "--only", action="append", choices=ROTATED, default=[], help="this part alone; again for more"
    )
    said = parser.parse_args()
    if said.folder is None:
        found = drawn(said.cell, said.namespace, parts=said.only)
        json.dump(as_kubernetes(found, said.namespace), sys.stdout, indent=1)
    else:
        _to_folder(said.folder, said.cell, said.namespace, said.only)


def _to_folder(folder: Path, cell: str, namespace: str, parts: Sequence[str]) -> None:
    if folder.exists() != bool(parts):
        sys.exit(
            f"secrets: {folder} is not there: nothing was drawn yet"
            if parts
            else f"secrets: {folder} is there already: --only draws parts of it anew"
        )
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    as_files(drawn(cell, namespace, SERVERS, parts), folder, again=bool(parts))


if __name__ == "__main__":
    main()
