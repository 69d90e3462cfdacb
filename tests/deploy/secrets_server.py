"""A stand-in for a cluster's API server, as far as Secrets go: HTTPS, tokens, and the rights of a rendered overlay.

It does what our job relies on, as an API server does it: creates that are refused where the name is taken (in a dry run
too), values as base64, 1 MiB at most, deletes with a precondition, and 403 for everything that no Role allows.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deploy.certificates import issue
from tests.deploy.rendered import Manifest

BYTES_MAX = 1024 * 1024
PATH = re.compile(r"/api/v1/namespaces/([-a-z0-9]+)/secrets(?:/([-.a-z0-9]+))?(\?dryRun=All)?")
VERBS = {"POST": "create", "GET": "get", "DELETE": "delete", "PUT": "update", "PATCH": "patch"}
NAME, KEY = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"), re.compile(r"[-._a-zA-Z0-9]+")
HOST, HERE = "localhost", "127.0.0.1"


class Cut(Exception):
    """The connection breaks, and there is no answer."""


@dataclass
class Asked:
    """One request: the verb, the Secret's name (where the address has one) and what was sent."""

    verb: str
    name: str
    dry: bool
    body: Manifest


@dataclass
class SecretsServer:
    """Its Secrets by name; `held` is told the number of each request, before and after it takes effect."""

    folder: Path
    objects: Iterable[Manifest]
    namespace: str = "doorstep"
    account_name: str = "draw-secrets"
    names: tuple[str, ...] = (HOST,)
    secrets: dict[str, Manifest] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    held: Callable[[int, str], None] = lambda number, moment: None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def account(self) -> Path:
        """What a kubelet mounts for the account: token, authority, namespace."""
        return self.folder / "account"

    def start(self, address: str = HERE) -> None:
        """On a free port of this address."""
        self.account.mkdir(parents=True)
        authority, certificate, key = issue(self.names)
        files = {"token": self.token, "ca.crt": authority, "namespace": self.namespace}
        for name, text in files.items():
            (self.account / name).write_text(text)
        (self.folder / "server.pem").write_text(key + certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "server.pem")
        self._lock = threading.Lock()
        self._server = _Server((address, 0), _handler_of(self))
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def contents(self) -> dict[str, dict[str, str]]:
        """Every Secret's values, as text."""
        with self._lock:
            there = dict(self.secrets)
        return {
            name: {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
            for name, secret in there.items()
        }

    def put(self, secret: Manifest) -> None:
        """As somebody with all rights, who uses kubectl."""
        status, answer = self._create(secret, dry=False)
        assert status == 201, answer

    def handle(self, method: str, path: str, token: str, body: Manifest) -> tuple[int, Manifest]:
        """Status and object of an answer."""
        found = PATH.fullmatch(path)
        if token != f"Bearer {self.token}":
            return _failure(401, "Unauthorized", "Unauthorized")
        verb = VERBS[method] if found is None or found[2] or method == "POST" else "list"
        if found is None or found[1] != self.namespace or not self.allows(verb, found[2]):
            return _failure(403, "Forbidden", f"{path} is forbidden: {self.account_name} cannot {verb} it")
        with self._lock:
            number = len(self.asked)
            self.asked.append(Asked(verb, found[2] or body["metadata"]["name"], bool(found[3]), body))
        self.held(number, "before")
        with self._lock:
            answer = self._done(self.asked[number])
        self.held(number, "after")
        return answer

    def allows(self, verb: str, name: str | None) -> bool:
        """By the Roles that are bound to the account. One with names says nothing of a create: it has no name yet."""
        bound = {
            each["roleRef"]["name"]
            for each in self._of_kind("RoleBinding")
            for subject in each["subjects"]
            if (subject["kind"], subject["name"], subject["namespace"])
            == ("ServiceAccount", self.account_name, self.namespace)
        }
        rules = [
            r for each in self._of_kind("Role") if each["metadata"]["name"] in bound for r in each["rules"]
        ]
        return any(
            verb in rule["verbs"] and "secrets" in rule["resources"] and "" in rule["apiGroups"]
            and ("resourceNames" not in rule or name in rule["resourceNames"])
            for rule in rules
        )  # fmt: skip

    def _of_kind(self, kind: str) -> list[Manifest]:
        return [
            each
            for each in self.objects
            if each["kind"] == kind and each["metadata"]["namespace"] == self.namespace
        ]

    def _done(self, asked: Asked) -> tuple[int, Manifest]:
        if asked.verb == "create":
            return self._create(asked.body, asked.dry)
        if asked.name not in self.secrets:
            return _failure(404, "NotFound", f'secrets "{asked.name}" not found')
        there = self.secrets[asked.name]
        if asked.verb == "get":
            return 200, there
        if (
            asked.body.get("preconditions", {}).get("uid", there["metadata"]["uid"])
            != there["metadata"]["uid"]
        ):
            return _failure(409, "Conflict", "the UID in the precondition does not match")
        return 200, self.secrets.pop(asked.name)

    def _create(self, secret: Manifest, dry: bool) -> tuple[int, Manifest]:
        name = secret["metadata"]["name"]
        data = {key: base64.b64encode(value.encode()).decode() for key, value in secret["stringData"].items()}
        assert (secret["apiVersion"], secret["kind"]) == ("v1", "Secret")
        if not NAME.fullmatch(name) or not all(map(KEY.fullmatch, data)):
            return _failure(422, "Invalid", f"{name} or one of {list(data)} is no name")
        if sum(len(value) for value in secret["stringData"].values()) > BYTES_MAX:
            return _failure(422, "Invalid", f"{name} is too long")
        if name in self.secrets:
            return _failure(409, "AlreadyExists", f'secrets "{name}" already exists')
        made = {key: value for key, value in secret.items() if key != "stringData"} | {"data": data}
        made["metadata"] = made["metadata"] | {"uid": str(uuid.uuid4())}
        if not dry:
            self.secrets[name] = made
        return 201, made


class Live(Mapping[str, Mapping[str, str]]):
    """What is in a server's Secrets, as it is now."""

    def __init__(self, server: SecretsServer) -> None:
        self._server = server

    def __getitem__(self, name: str) -> Mapping[str, str]:
        return self._server.contents()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._server.contents())

    def __len__(self) -> int:
        return len(self._server.secrets)


def _failure(status: int, reason: str, message: str) -> tuple[int, Manifest]:
    return status, {
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status, "message": message,
    }  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is none; anything else is said."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler_of(server: SecretsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, answer = server.handle(
                    self.command, self.path, self.headers.get("Authorization", ""), json.loads(sent or b"{}")
                )
            except Cut:
                self.close_connection = True
                return
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Who asked what is in `asked`."""

    for method in VERBS:
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler
