"""`python -m deploy.secrets`: draw every secret that the manifests name, as one Kubernetes List on stdout.

    python -m deploy.secrets --namespace doorstep | kubectl create -f -

`create` and not `apply`: what is there already is left as it is. A cluster with External Secrets or a vault provides
Secrets of the same names and keys instead, and needs none of this. With `--folder` the same values are written as
files for the compose set-up.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from contracts.parking import SERVICES
from deploy.certificates import issue
from deploy.nats.permissions import users

type Contents = dict[str, str]
REPLICAS = 3
DATABASE = "doorstep"
LABELS = {"app.kubernetes.io/part-of": "doorstep"}
CHANNELS = ("shopify", "woocommerce", "market")
"""Channels of the delivered configuration; their shops tell us the secret, or are told this one."""


def drawn(cell: str, namespace: str, server_names: tuple[str, ...] = ()) -> dict[str, Contents]:
    """Every Secret by name: key to value. The servers know all passwords, each service its own only.

    Names are the same in every cell, as each has a namespace of its own.
    """
    passwords = {user: _password() for user in users(cell)}
    everyone = {f"NATS_PASSWORD_{user.variable}": password for user, password in passwords.items()}
    own = {user.name.removeprefix(f"{cell}-"): password for user, password in passwords.items()}
    authority, certificate, key = issue((*server_names, *names_of_servers(namespace)))
    return {
        **{f"nats-user-{name}": {"password": password} for name, password in own.items()},
        "nats-server": everyone | {"NATS_PASSWORD_SYS": _password()},
        "nats-tls": {"ca.crt": authority, "tls.crt": certificate, "tls.key": key},
        "nats-authority": {"ca.crt": authority},
        **_postgres(namespace),
        "access": {"password": _password()},
        "master-key": {"key": secrets.token_hex(32)},
        "channels": {
            f"DOORSTEP_CHANNELS__{name.upper()}__SECRET": secrets.token_hex(32) for name in CHANNELS
        },
    }


def _postgres(namespace: str) -> dict[str, Contents]:
    """The owner of the database and a login for each service, in the form that CloudNativePG and our pods read."""
    found = {}
    for name, user in (("owner", DATABASE), *((service, service) for service in SERVICES)):
        password = _password()
        uri = f"postgresql://{user}:{password}@postgres-rw.{namespace}:5432/{DATABASE}?sslmode=require"
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


def as_files(found: dict[str, Contents], folder: Path) -> None:
    """`<folder>/<secret>/<key>`, and `<secret>.env` where the keys are variables. Refuses to overwrite."""
    for name, contents in found.items():
        if all(key.isupper() for key in contents):
            _write(folder / f"{name}.env", "".join(f"{key}={value}\n" for key, value in contents.items()))
        else:
            for key, value in contents.items():
                _write(folder / name / key, value)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
        file.write(text)


def _password() -> str:
    """256 bits, beginning with letters: nats-server reads what looks like a number as one."""
    return "pw" + secrets.token_hex(32)


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(prog="python -m deploy.secrets", description=__doc__.split("\n")[0])
    parser.add_argument("--namespace", default="doorstep")
    parser.add_argument("--cell", default="default", help="the cell to draw for")
    parser.add_argument("--folder", type=Path, help="write files there instead of a List to stdout")
    said = parser.parse_args()
    if said.folder is None:
        json.dump(as_kubernetes(drawn(said.cell, said.namespace), said.namespace), sys.stdout, indent=1)
        return
    if said.folder.exists():
        sys.exit(f"secrets: {said.folder} is there already: remove it to draw anew")
    said.folder.mkdir(parents=True, mode=0o700)
    as_files(drawn(said.cell, said.namespace, ("nats-0", "nats-1", "nats-2")), said.folder)


if __name__ == "__main__":
    main()
