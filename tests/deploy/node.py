"""A node for pods, where there is a Docker engine and no cluster: the manifests as they are, run as a kubelet would.

Of a kubelet it does what ours ask for: init containers first, environment with references and `$(NAME)`, volumes that
belong to root and to the pod's group, the locks of the security context, probes over HTTP, jobs until they succeed.
Services are names on a network, with a proxy where the port is another. Processors are shared by what pods ask for.
A pod whose Secrets are not there yet waits for them with a kubelet's patience. It heeds no NetworkPolicy and no limits.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.kubernetes_api import ACCOUNT
from tests.conftest import eventually
from tests.deploy.rendered import Manifest, asked, selects
from tests.deploy.secrets_server import SecretsServer

NAMESPACE = "doorstep"
LABEL = "doorstep-node"
STARTED_WITHIN_SECONDS = 180.0
CPU_SHARES = 1024
"""Of a whole processor."""
API_SERVER = "kubernetes.default.svc"
LOOKS_AGAIN_AFTER_SECONDS = 0.5
"""A kubelet that misses a Secret to be mounted; then after twice as long, every time."""
PROXY = """
import asyncio, itertools, sys

async def pump(source, sink):
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()

async def main(port, *targets):
    turn = itertools.cycle(targets)
    async def serve(reader, writer):
        host, _, there = next(turn).partition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(there))
        except OSError:
            return writer.close()
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)
    async with await asyncio.start_server(serve, "0.0.0.0", int(port)) as server:
        await server.serve_forever()

asyncio.run(main(*sys.argv[1:]))
"""


def docker(*arguments: str, said: str = "", fails: bool = False) -> str:
    """A docker command; what it printed. It must succeed, unless it may fail."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, input=said, timeout=180)
    assert fails or done.returncode == 0, (arguments, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout.strip()


@dataclass(frozen=True)
class Pod:
    """One pod of a workload of this kind."""

    name: str
    template: Manifest
    kind: str

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = self.template["spec"]
        return found

    @property
    def container(self) -> dict[str, Any]:
        (only,) = self.spec["containers"]
        return dict(only)

    def port(self, named: str | int) -> int:
        """The number of a port by its name."""
        ports = {port["name"]: int(port["containerPort"]) for port in self.container.get("ports", ())}
        return ports[named] if isinstance(named, str) else named


@dataclass
class Node:
    """Runs the objects of an overlay with these secrets, volumes in a folder. Pods with a token ask `api_server`."""

    overlay: str
    objects: tuple[Manifest, ...]
    secrets: Mapping[str, Mapping[str, str]]
    folder: Path
    api_server: SecretsServer | None = None
    pods: list[Pod] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config = self._by_name("ConfigMap")
        self.pods = [pod for each in self.objects for pod in _pods_of(each)]

    def _by_name(self, kind: str) -> dict[str, Manifest]:
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    def open(self) -> None:
        """A network for pods."""
        docker("network", "create", "--label", LABEL, LABEL)

    def secret(self, name: str) -> Mapping[str, str]:
        """One that a pod needs to start; it may come later than the pod."""
        due, pause_seconds = 0.0, LOOKS_AGAIN_AFTER_SECONDS

        def there() -> bool:
            nonlocal due, pause_seconds
            if (now := time.monotonic()) < due:
                return False
            due, pause_seconds = now + pause_seconds, pause_seconds * 2
            return name in self.secrets

        eventually(there, STARTED_WITHIN_SECONDS, f"the Secret {name} is there", every=0.05)
        return self.secrets[name]

    def start(self) -> None:
        """Everything at once, as a cluster does; return when each pod is ready and each job is done."""
        for service in self._by_name("Service").values():
            self._serve(service)
        with ThreadPoolExecutor(len(self.pods)) as at_once:
            list(at_once.map(self.run, self.pods))

    def stop(self) -> None:
        """Leave nothing behind."""
        for container in docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split():
            docker("rm", "--force", "--volumes", container, fails=True)
        docker("network", "rm", LABEL, fails=True)

    def scale_to_one(self, deployment: str) -> Pod:
        """`kubectl scale --replicas=1`, and wait."""
        found = self._by_name("Deployment")[deployment]
        pod = Pod(f"{deployment}-1", found["spec"]["template"], "Deployment")
        self.run(pod)
        return pod

    def run(self, pod: Pod) -> None:
        """Its init containers one after the other, then itself, until it is ready or done."""
        for number, container in enumerate(pod.spec.get("initContainers", ())):
            self._start(pod, container, f"{pod.name}-init-{number}", "on-failure:20", aliases=())
            self._until_done(f"{pod.name}-init-{number}")
        job = pod.kind == "Job"
        self._start(pod, pod.container, pod.name, "on-failure:20" if job else "always", self._aliases(pod))
        if job:
            self._until_done(pod.name)
        else:
            self.until_ready(pod)

    def until_ready(self, pod: Pod) -> None:
        """Wait for its readiness probe, where it has one."""
        if "readinessProbe" in pod.container:
            probe = pod.container["readinessProbe"]["httpGet"]
            url = f"http://{self.address(pod.name)}:{pod.port(probe['port'])}{probe['path']}"
            headers = {header["name"]: header["value"] for header in probe.get("httpHeaders", ())}
            asked = urllib.request.Request(url, headers=headers)
            eventually(lambda: _answers(asked), STARTED_WITHIN_SECONDS, f"{pod.name} is ready", every=0.05)

    def restarts(self) -> dict[str, int]:
        """How often each container had to be started again, of those that were."""
        found = dict[str, int]()
        for container in docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split():
            name, times = docker("inspect", "--format", "{{.Name}} {{.RestartCount}}", container).split()
            found |= {name.removeprefix("/"): int(times)} if int(times) else {}
        return found

    def address(self, name: str) -> str:
        """The address of a container on the network."""
        return docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)

    def _until_done(self, name: str) -> None:
        def ended() -> bool:
            state = json.loads(docker("inspect", "--format", "{{json .State}}", name))
            return state["Status"] == "exited" and state["ExitCode"] == 0

        try:
            eventually(ended, STARTED_WITHIN_SECONDS, f"{name} is done", every=0.5)
        except AssertionError as late:
            raise AssertionError(f"{late}: {docker('logs', '--tail', '5', name)}") from None

    def _start(
        self, pod: Pod, container: dict[str, Any], name: str, restart: str, aliases: tuple[str, ...]
    ) -> None:
        environment = self._environment(pod, container)
        locks, group = container["securityContext"], pod.spec["securityContext"].get("fsGroup")
        who, (cpu, _) = pod.spec["securityContext"], asked(pod.template)
        docker(
            *("run", "--detach", "--name", name, "--label", LABEL, "--network", LABEL, "--restart", restart),
            *(f"--network-alias={alias}" for alias in aliases),
            *("--cpu-shares", str(cpu * CPU_SHARES // 1000)),
            *("--user", f"{who['runAsUser']}:{who['runAsGroup']}", "--security-opt", "no-new-privileges"),
            *(("--read-only",) if locks["readOnlyRootFilesystem"] else ()),
            *(f"--cap-drop={each}" for each in locks["capabilities"]["drop"]),
            *(("--group-add", str(group)) if group else ()),
            *(f"--env={key}={value}" for key, value in environment.items()),
            *self._mounts(pod, container),
            *self._token(pod),
            container["image"],
            *(_expanded(word, environment) for word in container["command"]),
        )

    def _environment(self, pod: Pod, container: dict[str, Any]) -> dict[str, str]:
        found = dict[str, str]()
        for source in container.get("envFrom", ()):
            secret = source["secretRef"]
            found |= {} if secret.get("optional") else self.secret(secret["name"])
        for variable in container.get("env", ()):
            found[variable["name"]] = self._value(pod, variable, found)
        return found

    def _value(self, pod: Pod, variable: dict[str, Any], before: Mapping[str, str]) -> str:
        if "value" in variable:
            return _expanded(variable["value"], before)
        ((kind, source),) = variable["valueFrom"].items()
        if kind == "configMapKeyRef":
            return str(self.config[source["name"]]["data"][source["key"]])
        if kind == "secretKeyRef":
            return self.secret(source["name"])[source["key"]]
        labelled = re.fullmatch(r"metadata\.labels\['(.+)'\]", source["fieldPath"])
        return str(pod.template["metadata"]["labels"][labelled[1]]) if labelled else pod.name

    def _mounts(self, pod: Pod, container: dict[str, Any]) -> Iterator[str]:
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            volume, read_only = volumes.get(mount["name"], {}), ":ro" if mount.get("readOnly") else ""
            if "emptyDir" in volume:
                # By its owner, too: the engine forgets the mode when it starts a container again.
                owner = pod.spec["securityContext"]["runAsUser"]
                yield f"--tmpfs={mount['mountPath']}:mode=1777,uid={owner}"
            else:
                yield f"--volume={self._folder_of(pod, mount['name'], volume)}:{mount['mountPath']}{read_only}"

    def _folder_of(self, pod: Pod, name: str, volume: dict[str, Any]) -> Path:
        group = pod.spec["securityContext"].get("fsGroup", 0)
        if "configMap" in volume:
            contents, mode = self.config[volume["configMap"]["name"]]["data"], 0o644
        elif "projected" in volume:
            mode, contents = volume["projected"]["defaultMode"], {}
            for source in volume["projected"]["sources"]:
                contents |= self._chosen(source["secret"] | {"secretName": source["secret"]["name"]})
        elif "secret" in volume:
            contents = self._chosen(volume["secret"])
            mode = volume["secret"].get("defaultMode", 0o644)
        else:
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", f"{name}-{pod.name}")
            return _owned(self.folder / "claims" / claim, group, 0o2775 if group else 0o755)
        return self._written(pod, name, contents, mode)

    def _written(self, pod: Pod, name: str, contents: Mapping[str, str], mode: int) -> Path:
        """A volume of files that belong to root and to the pod's group."""
        place = _owned(self.folder / "volumes" / pod.name / name, 0, 0o755)
        for key, value in contents.items():
            _owned((place / key).parent, 0, 0o755)
            (place / key).write_text(value)
            os.chown(place / key, 0, pod.spec["securityContext"].get("fsGroup", 0))
            (place / key).chmod(mode)
        return place

    def _token(self, pod: Pod) -> Iterator[str]:
        """How its account proves who it is to the API server, and where that is; for a pod that may have a token."""
        if pod.spec["automountServiceAccountToken"]:
            assert self.api_server
            files = {path.name: path.read_text() for path in self.api_server.account.iterdir()}
            gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", LABEL)
            yield f"--volume={self._written(pod, 'token', files, 0o640)}:{ACCOUNT}:ro"
            yield f"--add-host={API_SERVER}:{gateway}"
            yield f"--env=KUBERNETES_SERVICE_HOST={API_SERVER}"
            yield f"--env=KUBERNETES_SERVICE_PORT={self.api_server.port}"

    def _chosen(self, source: dict[str, Any]) -> Mapping[str, str]:
        """The files of a Secret: all of its keys, or those that are listed."""
        known = self.secret(source["secretName"])
        listed = source.get("items")
        return {item["path"]: known[item["key"]] for item in listed} if listed else known

    def _aliases(self, pod: Pod) -> tuple[str, ...]:
        """The names of the headless services that choose it; of a StatefulSet, its own name below them."""
        chosen = [
            service["metadata"]["name"]
            for service in self._by_name("Service").values()
            if service["spec"].get("clusterIP") == "None"
            and selects(service["spec"]["selector"], pod.template)
        ]
        return (*chosen, *(f"{pod.name}.{name}" for name in chosen if pod.kind == "StatefulSet"))

    def _serve(self, service: Manifest) -> None:
        if service["spec"].get("clusterIP") == "None":
            return
        name, (port,) = service["metadata"]["name"], service["spec"]["ports"]
        pods = [pod for pod in self.pods if selects(service["spec"]["selector"], pod.template)]
        targets = [f"{pod.name}:{pod.port(port['targetPort'])}" for pod in pods]
        image = pods[0].container["image"]
        docker(
            *("run", "--detach", "--name", f"service-{name}", "--label", LABEL, "--network", LABEL),
            *(f"--network-alias={alias}" for alias in (name, f"{name}.{NAMESPACE}")),
            *(image, "python", "-c", PROXY, str(port["port"]), *targets),
        )


def _answers(asked: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(asked, timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _pods_of(each: Manifest) -> Iterator[Pod]:
    kind, name = each["kind"], each["metadata"]["name"]
    if kind == "Job":
        yield Pod(name, each["spec"]["template"], kind)
    elif kind in ("Deployment", "StatefulSet"):
        first = 0 if kind == "StatefulSet" else 1
        for number in range(first, first + each["spec"]["replicas"]):
            yield Pod(f"{name}-{number}", each["spec"]["template"], kind)


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    return re.sub(r"\$\((\w+)\)", lambda found: environment.get(found[1], found[0]), text)


def _owned(folder: Path, group: int, mode: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, 0, group)
    folder.chmod(mode)
    return folder
