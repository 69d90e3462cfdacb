"""The job that draws the secrets of `small`: whatever dies, comes twice or is there already, no halves are mixed.

Against a stand-in of the API server that allows what the rendered Role allows, and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from chassis import nkeys
from deploy.draw_secrets import DRAWING, draw_missing
from deploy.kubernetes_api import Place, Refused, Secrets
from deploy.secret_forms import as_list
from deploy.secrets import PARTS, drawn
from tests.deploy.rendered import manifests, of_kind
from tests.deploy.secrets_server import HOST, Asked, Cut, SecretsServer

REPOSITORY = Path(__file__).parents[2]
NAMESPACE = "doorstep"
FEW = ("nats-tls", "access")
"""Three Secrets, two of which belong together: enough for every order of events."""
CONNECTED_WITHIN_SECONDS = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SecretsServer]:
    """An empty namespace, with the rights of the overlay."""
    server = SecretsServer(tmp_path / "cluster", manifests("small"))
    server.start()
    yield server
    server.stop()


def client(server: SecretsServer, within_seconds: float = 0.0) -> Secrets:
    """As the job; by default it gives up at the first answer that is lost, which is how it dies here."""
    return Secrets(Place(HOST, server.port, NAMESPACE, server.account, within_seconds, again_seconds=0.0))


def draw(parts: tuple[str, ...] = FEW) -> dict[str, dict[str, dict[str, str]]]:
    return {part: drawn("default", NAMESPACE, parts=[part]) for part in parts}


def process(server: SecretsServer, *parts: str) -> subprocess.Popen[str]:
    """The job's command."""
    command = [sys.executable, "-m", "deploy.draw_secrets", "--account", str(server.account), *parts]
    reached = {"KUBERNETES_SERVICE_HOST": HOST, "KUBERNETES_SERVICE_PORT": str(server.port)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | reached, stdout=pipe, stderr=pipe, text=True
    )


def command_of_the_job() -> list[str]:
    """The parts that the overlay's job draws."""
    (job,) = (each for each in of_kind("small", "Job") if each["metadata"]["name"] == "draw-secrets")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    python, option, module, *parts = container["command"]
    assert (python, option, module) == ("python", "-m", "deploy.draw_secrets")
    return list(parts)


def by_part(server: SecretsServer, *draws: dict[str, dict[str, dict[str, str]]]) -> set[str]:
    """The parts that are there, each whole and of one of these draws."""
    there = server.contents()
    whole = {part for each in draws for part, draw in each.items() if draw.items() <= there.items()}
    assert there.keys() == {name for part in whole for name in draws[0][part]}, (
        "something is there in part, or mixed"
    )
    return whole


def test_the_job_draws_what_its_overlay_needs(server: SecretsServer) -> None:
    """By its command, with the rights of its account: seeds that the servers know, a certificate of the authority."""
    done = process(server, *command_of_the_job())
    said, fault = done.communicate(timeout=60)
    assert (done.returncode, fault) == (0, ""), (said, fault)
    found = server.contents()
    assert found.keys() == drawn("default", NAMESPACE, parts=command_of_the_job()).keys()
    seeds = [secret["seed"] for name, secret in found.items() if name.startswith("nats-user-")]
    assert sorted(found["nats-server"].values()) == sorted(map(nkeys.public_of, seeds))
    authority = x509.load_pem_x509_certificate(found["nats-authority"]["ca.crt"].encode())
    x509.load_pem_x509_certificate(found["nats-tls"]["tls.crt"].encode()).verify_directly_issued_by(authority)
    assert all(
        secret not in said for secret in (*seeds, found["access"]["password"], found["master-key"]["key"])
    )


def test_all_at_once_is_far_from_too_long(server: SecretsServer) -> None:
    """Every part, as one Secret: 1 MiB is what it may have."""
    draw_missing(client(server), draw(PARTS))
    (begun,) = (asked for asked in server.asked if asked.verb == "create" and asked.name == DRAWING)
    assert len(json.dumps(begun.body)) < 64 * 1024


def test_again_changes_nothing(server: SecretsServer) -> None:
    """A second `apply`: names are asked for, by creates that are only tried, and that is all."""
    assert draw_missing(client(server), draw()) == ()
    before, asked = dict(server.secrets), len(server.asked)
    assert draw_missing(client(server), draw()) == ()
    assert server.secrets == before
    assert all(each.dry or each.verb == "get" for each in server.asked[asked:])


def test_what_somebody_made_by_the_command_stays(server: SecretsServer) -> None:
    """Whole parts of it; the others are drawn."""
    mine, theirs = draw(("nats-tls",)), draw()
    for secret in as_list(mine["nats-tls"], NAMESPACE)["items"]:
        server.put(secret)
    assert draw_missing(client(server), theirs) == ()
    assert by_part(server, theirs | mine) == set(FEW)


def test_a_part_of_which_half_is_there_stays_so(server: SecretsServer) -> None:
    """In one line, with an error, after the other parts were drawn."""
    mine = drawn("default", NAMESPACE, parts=["nats-tls"])
    server.put(as_list(mine, NAMESPACE)["items"][0])
    done = process(server, *FEW)
    _, fault = done.communicate(timeout=60)
    assert done.returncode == 1
    assert fault.startswith(
        "draw-secrets: nats-tls: nats-authority is missing beside nats-tls. They belong together"
    )
    assert fault.count("\n") == 1
    assert server.contents().keys() == {"nats-tls", "access"}
    assert server.contents()["nats-tls"] == mine["nats-tls"]


def requests_of_a_run(server: SecretsServer) -> int:
    """How many requests a run takes in an empty namespace; it is empty again afterwards."""
    draw_missing(client(server), draw())
    number = len(server.asked)
    server.secrets.clear()
    server.asked.clear()
    return number


def dies_at(number: int, moment: str) -> Callable[[int, str], None]:
    """No request gets an answer from this one on."""

    def held(now: int, when: str) -> None:
        if (now, when) == (number, moment):
            raise Cut

    return held


@pytest.mark.parametrize("moment", ["before", "after"])
def test_one_that_dies_anywhere_is_gone_on_from(server: SecretsServer, moment: str) -> None:
    """At each request, before it took effect or after. The next one has drawn other values: none is mixed in."""
    resumed = 0
    for number in range(requests_of_a_run(server)):
        first, second = draw(), draw()
        server.held = dies_at(number, moment)
        with pytest.raises(Refused):
            draw_missing(client(server), first)
        resumed += DRAWING in server.secrets
        server.held = lambda number, moment: None
        assert draw_missing(client(server), second) == ()
        assert by_part(server, first, second) == set(FEW)
        server.secrets.clear()
        server.asked.clear()
    assert resumed > 3, "some died with the draw begun"


def test_two_at_once_make_one_draw(server: SecretsServer) -> None:
    """One stands still at each request in turn, while the other begins and ends."""
    for number in range(requests_of_a_run(server)):
        reached, go_on = threading.Event(), threading.Event()

        def held(
            now: int,
            when: str,
            at: int = number,
            here: threading.Event = reached,
            on: threading.Event = go_on,
        ) -> None:
            if (now, when) == (at, "before"):
                here.set()
                assert on.wait(CONNECTED_WITHIN_SECONDS)

        server.held = held
        first, second, ends = draw(), draw(), list[tuple[str, ...]]()
        slow = threading.Thread(target=lambda: ends.append(draw_missing(client(server), first)))  # noqa: B023
        slow.start()
        assert reached.wait(CONNECTED_WITHIN_SECONDS)
        ends.append(draw_missing(client(server), second))
        go_on.set()
        slow.join(CONNECTED_WITHIN_SECONDS)
        assert ends == [(), ()]
        assert by_part(server, first, second) == set(FEW)
        server.secrets.clear()
        server.asked.clear()


def test_answers_that_are_lost_are_asked_for_again(server: SecretsServer) -> None:
    """Every second one, after its request took effect."""

    def held(number: int, when: str) -> None:
        if when == "after" and number % 2:
            raise Cut

    server.held, mine = held, draw()
    assert draw_missing(client(server, within_seconds=10), mine) == ()
    assert by_part(server, mine) == set(FEW)


@pytest.mark.parametrize("last", ["the draw", "a secret", "the end"])
def test_a_killed_job_is_gone_on_from(server: SecretsServer, last: str) -> None:
    """Processes, and SIGKILL: once the draw is made, in the midst of what is made of it, before it is taken away."""
    at: dict[str, Callable[[Asked], bool]] = {
        "the draw": lambda asked: (asked.verb, asked.name, asked.dry) == ("create", DRAWING, False),
        "a secret": lambda asked: (asked.verb, asked.name, asked.dry) == ("create", "nats-authority", False),
        "the end": lambda asked: asked.verb == "delete",
    }
    moment, reached = "before" if last == "the end" else "after", threading.Event()

    def held(number: int, when: str) -> None:
        if when == moment and at[last](server.asked[number]):
            reached.set()
            raise Cut

    server.held = held
    killed = process(server, *command_of_the_job())
    assert reached.wait(CONNECTED_WITHIN_SECONDS)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=20)
    assert killed.returncode == -signal.SIGKILL
    server.held = lambda number, moment: None
    begun = json.loads(server.contents()[DRAWING]["secrets.json"])
    assert process(server, *command_of_the_job()).wait(60) == 0
    assert server.contents() == begun


def test_the_job_may_read_none_of_the_secrets_it_makes(server: SecretsServer) -> None:
    """Nor list, change or delete them, nor anything in another namespace: each is refused by the rendered Role."""
    draw_missing(client(server), draw())
    paths = "/api/v1/namespaces/doorstep/secrets", "/api/v1/namespaces/kube-system/secrets"
    for name in drawn("default", NAMESPACE):
        for method in ("GET", "DELETE", "PUT", "PATCH"):
            assert status(server, method, f"{paths[0]}/{name}") == 403, (method, name)
    assert [status(server, "GET", path) for path in (*paths, f"{paths[1]}/{DRAWING}")] == [403] * 3
    assert status(server, "POST", paths[1]) == 403
    assert status(server, "PUT", f"{paths[0]}/{DRAWING}") == 403
    assert status(server, "GET", f"{paths[0]}/{DRAWING}") == 404, "which it may"


def status(server: SecretsServer, method: str, path: str) -> int:
    body: dict[str, Any] = {"metadata": {"name": DRAWING}}
    return server.handle(method, path, f"Bearer {server.token}", body)[0]


def test_one_without_rights_says_so(server: SecretsServer) -> None:
    """A token that the API server does not know, an account that no Role is bound to, an authority that is another."""
    server.account_name = "orders"
    with pytest.raises(Refused, match=r"answers 403: .* is forbidden"):
        draw_missing(client(server), draw())
    (server.account / "token").write_text("stale")
    with pytest.raises(Refused, match="answers 401"):
        draw_missing(client(server), draw())
    (server.account / "ca.crt").write_text(
        drawn("default", NAMESPACE, parts=["nats-tls"])["nats-tls"]["ca.crt"]
    )
    with pytest.raises(Refused, match=r"not reached: .*certificate verify failed"):
        draw_missing(client(server), draw())
    assert server.secrets == {}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [((), 1, "draw-secrets: this is no pod with a token"), (("tls",), 2, "there is no part tls")],
)
def test_whoever_is_not_in_a_cluster_is_told(arguments: tuple[str, ...], status: int, said: str) -> None:
    """Or names what is not drawn: a line, and no traceback."""
    command = [sys.executable, "-m", "deploy.draw_secrets", *arguments]
    elsewhere = {name: value for name, value in os.environ.items() if not name.startswith("KUBERNETES_")}
    done = subprocess.run(command, cwd=REPOSITORY, env=elsewhere, capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    assert said in done.stderr.splitlines()[-1]


def test_a_secret_of_somebody_else_in_the_place_of_the_draw_is_left_alone(server: SecretsServer) -> None:
    """It is said, and nothing is made or taken away."""
    server.put(as_list({DRAWING: {"picture": "a tree"}}, NAMESPACE)["items"][0])
    with pytest.raises(Refused, match="is not one that this made"):
        draw_missing(client(server), draw())
    assert server.contents() == {DRAWING: {"picture": "a tree"}}
