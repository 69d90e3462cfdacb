"""The servers' configuration as production has it: with TLS, with users, and with certificates that we made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from chassis import nkeys
from chassis.bus import BusAway, open_bus
from chassis.login import Login
from chassis.settings import SettingsWrong
from deploy.certificates import issue
from tests.conftest import free_port
from tests.deploy.guarded import SEEDS, GuardedServer

NATS = Path(__file__).parents[2] / "deploy" / "nats"
TLS = """
tls {{ cert_file: "{0}/tls.crt", key_file: "{0}/tls.key", ca_file: "{0}/ca.crt", min_version: "1.3" }}
"""


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with an authority and a certificate for localhost."""
    made = issue(("localhost",))
    for name, text in zip(("ca.crt", "tls.crt", "tls.key"), made, strict=True):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("cluster", ["deploy/nats", "deploy/kubernetes/overlays/small"])
def test_the_server_takes_the_configuration(cluster: str, certificates: Path, tmp_path: Path) -> None:
    """Read by the very server, with the places of a container put where this machine may write."""
    there = certificates / "conf"
    there.mkdir()
    for source in (NATS / "nats.conf", NATS / "users.conf", NATS.parents[1] / cluster / "cluster.conf"):
        text = source.read_text().replace("/etc/nats-tls", str(certificates))
        (there / source.name).write_text(
            text.replace("/run/nats", str(tmp_path)).replace('"/data"', f'"{tmp_path}"')
        )
    names = ("SYS", "ORDERS", "INVENTORY", "SHIPPING", "BILLING", "NOTIFY", "CHANNELS", "BOOTSTRAP", "OPS")
    environment = {f"NATS_NKEY_{name}": nkeys.public_of(nkeys.draw()) for name in names}
    environment |= {"NATS_SERVER_NAME": "nats-0", "NATS_FILE_STORE": "18GB"}
    binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    assert binary
    done = subprocess.run(
        [binary, "-t", "-c", str(there / "nats.conf")],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


async def test_a_client_believes_its_own_authority_only(certificates: Path, tmp_path: Path) -> None:
    """With the authority's file the connection stands, by TLS; a server that another authority vouches for is none."""
    server = GuardedServer(tmp_path / "nats", free_port(), free_port(), more=TLS.format(certificates))
    server.start()
    try:
        url = f"tls://localhost:{server.port}"
        said = {"nats_user": "ops", "nats_seed": SEEDS["ops"], "nats_ca_file": str(certificates / "ca.crt")}
        bus = await open_bus(url, "tls", login=Login.model_validate(said))
        assert bus.client._transport._io_writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        await bus.close()
        stranger = tmp_path / "stranger.crt"
        stranger.write_text(issue(("localhost",)).authority)
        with pytest.raises(BusAway):
            await open_bus(
                url,
                "tls",
                deadline_seconds=2,
                login=Login.model_validate(said | {"nats_ca_file": str(stranger)}),
            )
    finally:
        server.stop()


def test_a_login_with_two_proofs_is_refused() -> None:
    """Which one counts would be a guess."""
    with pytest.raises(ValueError, match="one of"):
        Login.model_validate({"nats_user": "a", "nats_password": "x", "nats_seed_file": "/seed"})


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The usual mistake: a Secret that was not mounted."""
    secret = tmp_path / "secret"
    for kind in ("nats_password_file", "nats_seed_file"):
        secret.unlink(missing_ok=True)
        login = Login.model_validate({"nats_user": "a", kind: secret})
        with pytest.raises(SettingsWrong, match=f"cannot be read: {secret}"):
            login.options()
        secret.write_text("\n")
        with pytest.raises(SettingsWrong, match=f"is empty: {secret}"):
            login.options()


def test_what_is_no_seed_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """A password in the place of a seed must not end in a log."""
    (tmp_path / "seed").write_text("SUAMISTAKE\n")
    with pytest.raises(SettingsWrong, match="no seed") as refused:
        Login.model_validate({"nats_seed_file": tmp_path / "seed"}).options()
    assert "MISTAKE" not in str(refused.value)
