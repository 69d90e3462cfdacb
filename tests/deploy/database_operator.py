"""A database server in a container, with proof by TLS: as its operator makes it of a `Cluster`, with users and roles,
or as one's own, with an owner and nothing else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deploy.certificates import Certificates
from deploy.database import Server
from tests.conftest import eventually
from tests.deploy.node import LABEL, NAMESPACE, docker
from tests.deploy.rendered import Manifest

IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:17.6")
OWN, OWNER, OWNERS_PASSWORD, DATABASE = "db.example", "shop-owner", "correct horse: 100% /battery?", "shop"
"""One's own server, by names that nothing here is called after, and a password as a person would choose it."""
NAMES = ("postgres-rw", f"postgres-rw.{NAMESPACE}", OWN)
CONTAINER, SUPERUSER, SETTINGS = "postgres-1", "postgres", "/run/doorstep"
READY_WITHIN_SECONDS = 60.0


def serve(cluster: Manifest, proof: Certificates, folder: Path) -> None:
    """Start the server on the pods' network, under the names that its clients know."""
    _start(cluster["spec"]["bootstrap"]["initdb"]["database"], proof, folder)


def manage(cluster: Manifest, secret: Callable[[str], Mapping[str, str]]) -> None:
    """Make the roles; `secret` waits for one that is not there yet."""
    said = cluster["spec"]["bootstrap"]["initdb"]
    for role in cluster["spec"]["managed"]["roles"]:
        _make(role, secret, said["database"])
    _asked(f"ALTER DATABASE {said['database']} OWNER TO {said['owner']}", said["database"])


def serve_ones_own(proof: Certificates, folder: Path) -> Server:
    """Start the server with an owner who may make roles, as docs/deploy.md has it. What `deploy.secrets` is told."""
    _start(DATABASE, proof, folder)
    _asked(f"CREATE ROLE \"{OWNER}\" LOGIN CREATEROLE PASSWORD '{OWNERS_PASSWORD}'", DATABASE)
    _asked(f'ALTER DATABASE {DATABASE} OWNER TO "{OWNER}"', DATABASE)
    password, authority = folder / "owners", folder / "ca.crt"
    password.write_text(f"{OWNERS_PASSWORD}\n")
    authority.write_text(proof.authority)
    return Server.of_ones_own(f"postgresql://{OWNER}@{OWN}:5432/{DATABASE}", password, authority)


def _start(database: str, proof: Certificates, folder: Path) -> None:
    password = folder / "password"
    password.write_text(secrets.token_hex(16))
    environment = {
        "POSTGRES_USER": SUPERUSER,
        "POSTGRES_DB": database,
        "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
        "PGPASSWORD": password.read_text(),
    }
    docker(
        *("run", "--detach", "--name", CONTAINER, "--label", LABEL, "--network", LABEL),
        *(f"--network-alias={name}" for name in NAMES),
        *(f"--env={name}={value}" for name, value in environment.items()),
        f"--volume={password}:/run/secrets/password:ro",
        IMAGE,
    )
    eventually(lambda: _asked("SELECT 1", database, fails=True) == "1", READY_WITHIN_SECONDS, "it serves")
    _speak_tls(proof, database)


def _asked(statement: str, database: str, *, fails: bool = False) -> str:
    """By the superuser, over TCP: while it is being set up the server listens nowhere else."""
    command = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "-U", SUPERUSER)
    return docker(
        "exec",
        "--interactive",
        CONTAINER,
        *command,
        "-h",
        "127.0.0.1",
        "-d",
        database,
        said=statement,
        fails=fails,
    )


def _speak_tls(proof: Certificates, database: str) -> None:
    for name, text in (("tls.crt", proof.certificate), ("tls.key", proof.key)):
        place = f"{SETTINGS}/{name}"
        write = f"mkdir -p {SETTINGS}; cat > {place}; chown postgres {SETTINGS} {place}; chmod 600 {place}"
        docker("exec", "--interactive", CONTAINER, "sh", "-c", write, said=text)
    _asked(f"ALTER SYSTEM SET ssl_cert_file = '{SETTINGS}/tls.crt'", database)
    _asked(f"ALTER SYSTEM SET ssl_key_file = '{SETTINGS}/tls.key'", database)
    _asked("ALTER SYSTEM SET ssl = on", database)
    _asked("SELECT pg_reload_conf()", database)
    eventually(lambda: _asked("SHOW ssl", database) == "on", READY_WITHIN_SECONDS, "it speaks TLS")


def _make(role: dict[str, Any], secret: Callable[[str], Mapping[str, str]], database: str) -> None:
    login = ""
    if role.get("login"):
        login = f" LOGIN PASSWORD '{secret(role['passwordSecret']['name'])['password']}'"
    _asked(f'CREATE ROLE "{role["name"]}"{login}', database)
    for other in role.get("inRoles", ()):
        _asked(f'GRANT "{other}" TO "{role["name"]}"', database)
