"""Secrets in the API server of the cluster we are in: only what `deploy.draw_secrets` may do there.

One connection, one request after the other, and nothing but the standard library: the whole cluster waits for this.
What may pass by itself is tried again for a while, rights that are not known yet and rules of the network that are not
in force yet among it, as all of it was made only a moment ago.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple

from deploy.secret_forms import Contents, as_secret

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a kubelet puts a pod's token."""
WITHIN_SECONDS = 60.0
AGAIN_SECONDS = 0.25
ANSWERED_WITHIN_SECONDS = 3.0
"""A rule of the network that is not there yet drops what is sent: another attempt comes sooner than a long wait."""
BUT_NOT_YET = frozenset({401, 403, 408, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""


class Refused(Exception):
    """The API server does not do it, or cannot be reached; the message has its reason."""


class Answer(NamedTuple):
    """Status, and the object in it; `reason` is the API's word for what went wrong."""

    status: int
    body: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.body.get("reason", ""))

    def __str__(self) -> str:
        return f"the API server answers {self.status}: {self.body.get('message', '')}"


@dataclass(frozen=True, slots=True)
class Place:
    """How an API server is reached, and as whom."""

    host: str
    port: int
    namespace: str
    account: Path = ACCOUNT
    within_seconds: float = WITHIN_SECONDS
    again_seconds: float = AGAIN_SECONDS


def here(account: Path = ACCOUNT) -> Place:
    """From inside a pod. Raises `Refused` elsewhere."""
    try:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
        return Place(host, port, (account / "namespace").read_text(), account)
    except (KeyError, OSError) as missing:
        raise Refused(f"this is no pod with a token for the API server: {missing}") from None


class Secrets:
    """The Secrets of a namespace. Every method raises `Refused`."""

    def __init__(self, place: Place) -> None:
        self._path = f"/api/v1/namespaces/{place.namespace}/secrets"
        self._place = place
        self._said = ""
        trust = ssl.create_default_context(cafile=place.account / "ca.crt")
        # Python 3.13 is strict about fields that authorities of clusters do not all have (EKS: no key identifier).
        trust.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
        self._connection = HTTPSConnection(
            place.host, place.port, timeout=ANSWERED_WITHIN_SECONDS, context=trust
        )

    def is_taken(self, name: str) -> bool:
        """Whether there is one of this name, without a look at it: what a create would be answered."""
        return not self._create(name, {"asked": "for"}, "?dryRun=All")

    def create(self, name: str, contents: Contents) -> bool:
        """Whether it was made now; one of this name that is there already stays as it is."""
        return self._create(name, contents, "")

    def _create(self, name: str, contents: Contents, how: str) -> bool:
        answer = self._ask("POST", how, as_secret(name, contents, self._place.namespace))
        if answer.status == HTTPStatus.CONFLICT and answer.reason == "AlreadyExists":
            return False
        return _must(answer, HTTPStatus.CREATED, HTTPStatus.OK)

    def read(self, name: str) -> tuple[str, Contents] | None:
        """Which one it is (its uid), and what is in it; nothing where it is not there."""
        answer = self._ask("GET", f"/{name}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        _must(answer, HTTPStatus.OK)
        contents = {
            key: base64.b64decode(value).decode() for key, value in answer.body.get("data", {}).items()
        }
        return answer.body["metadata"]["uid"], contents

    def delete(self, name: str, uid: str) -> None:
        """Take it away, if it is still this one and no other of the same name."""
        only = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        answer = self._ask("DELETE", f"/{name}", only)
        if answer.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            _must(answer, HTTPStatus.OK, HTTPStatus.ACCEPTED)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Until there is an answer that stands. One that was lost is asked for again: every request may come twice."""
        deadline = time.monotonic() + self._place.within_seconds
        while True:
            try:
                answer = self._once(method, path, body)
                if answer.status not in BUT_NOT_YET:
                    return answer
                reason = str(answer)
            except (OSError, HTTPException) as lost:
                self._connection.close()
                reason = f"the API server is not reached: {str(lost) or type(lost).__name__}"
            if time.monotonic() > deadline:
                raise Refused(reason)
            self._wait(reason)

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        """The token is read each time: the kubelet renews it."""
        token = (self._place.account / "token").read_text()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection.request(method, self._path + path, json.dumps(body) if body else None, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return Answer(
            answer.status, json.loads(text) if text.startswith(b"{") else {"message": text.decode()}
        )

    def _wait(self, reason: str) -> None:
        """Each reason is said once."""
        if reason != self._said:
            sys.stderr.write(f"waiting: {reason}\n")
            self._said = reason
        time.sleep(self._place.again_seconds)


def _must(answer: Answer, *wanted: int) -> bool:
    if answer.status not in wanted:
        raise Refused(str(answer))
    return True
