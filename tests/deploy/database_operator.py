"""What the operator of the database makes of a `Cluster`, on one server in a container: users, roles, proof by TLS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.certificates import Certificates
from tests.conftest import eventually
from tests.deploy.node import LABEL, NAMESPACE, docker
from tests.deploy.rendered import Manifest

IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:17.6")
NAMES = ("postgres-rw", f"postgres-rw.{NAMESPACE}")
CONTAINER, SUPERUSER, SETTINGS = "postgres-1", "postgres", "/run/doorstep"
READY_WITHIN_SECONDS = 60.0


def serve(
    cluster: Manifest, secrets: Mapping[str, Mapping[str, str]], proof: Certificates, folder: Path
) -> None:
    """Start the server on the pods' network, under the names that its clients know, and make what is managed."""
    said = cluster["spec"]["bootstrap"]["initdb"]
    password = folder / "password"
    password.write_text(secrets[said["secret"]["name"]]["password"])
    environment = {
        "POSTGRES_USER": SUPERUSER,
        "POSTGRES_DB": said["database"],
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
    eventually(
        lambda: _asked("SELECT 1", said["database"], fails=True) == "1", READY_WITHIN_SECONDS, "it serves"
    )
    _speak_tls(proof, said["database"])
    for role in cluster["spec"]["managed"]["roles"]:
        _make(role, secrets, said["database"])
    _asked(f"ALTER DATABASE {said['database']} OWNER TO {said['owner']}", said["database"])


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


def _make(role: dict[str, Any], secrets: Mapping[str, Mapping[str, str]], database: str) -> None:
    login = ""
    if role.get("login"):
        login = f" LOGIN PASSWORD '{secrets[role['passwordSecret']['name']]['password']}'"
    _asked(f'CREATE ROLE "{role["name"]}"{login}', database)
    for other in role.get("inRoles", ()):
        _asked(f'GRANT "{other}" TO "{role["name"]}"', database)
