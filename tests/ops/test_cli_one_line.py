"""Whatever a person gets wrong is said in one line, with what to do: no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chassis.settings import SettingsWrong, System, section
from ops.__main__ import main
from ops.console import CannotDo
from ops.misspelt import unread
from tests.ops.running import REPOSITORY, doorstep, ten_free_ports


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file of the test's own."""
    path = tmp_path / "doorstep.toml"
    path.touch()
    monkeypatch.setenv("DOORSTEP_CONFIG", str(path))
    monkeypatch.delenv("DOORSTEP_SYSTEM__PORT_BASE", raising=False)
    return path


def run(*arguments: str) -> Result:
    """The command in this process, so that an exception would be seen."""
    return CliRunner().invoke(main, arguments, prog_name="doorstep")


def test_a_broken_configuration_is_named_with_its_line(configuration: Path) -> None:
    """Every command reads it."""
    configuration.write_text("[system]\nport_base 8080\n")
    done = run("status")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"doorstep: {configuration} is not TOML: ")
    assert "at line 2" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("base", ["0", "70000", "soon", "-1"])
def test_a_port_base_that_is_none_is_refused(configuration: Path, base: str, tmp_path: Path) -> None:
    """As a flag, and in the file."""
    assert run("up", "--data", str(tmp_path / "var"), "--port-base", base).exit_code == 2
    configuration.write_text(f'[system]\nport_base = "{base}"\n')
    done = run("up", "--data", str(tmp_path / "var"))
    assert done.exit_code == 1
    assert done.stderr == f"doorstep: the port base '{base}' is not a number from 1 to 65000\n"


@pytest.mark.parametrize(
    ("channel", "topic", "said"),
    [
        ("shop", "we ird.>", "--topic 'we ird.>' is no topic: letters, digits and _ . / - only"),
        ("shop", "orders.*", "--topic 'orders.*' is no topic"),
        ("sh op", "orders/create", "--channel 'sh op' is no channel's name"),
    ],
)
def test_a_name_that_no_subject_can_have_is_refused(
    configuration: Path, tmp_path: Path, channel: str, topic: str, said: str
) -> None:
    """The bus would take the connection for broken."""
    (tmp_path / "order.json").write_text("{}")
    done = run("publish", str(tmp_path / "order.json"), "--channel", channel, "--topic", topic)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"doorstep: {said}")


def test_a_table_that_nobody_reads_is_named_with_the_one_that_is_meant(configuration: Path) -> None:
    """A misspelt name must not quietly mean the defaults."""
    configuration.write_text("[inventroy]\nreservation_minutes = 5\n[shop]\n[wholesale]\n")
    assert list(unread()) == [
        "[inventroy] in the configuration is read by nobody: did you mean [inventory]?",
        "[wholesale] in the configuration is read by nobody: there are "
        "system, shop, channels, access, personal, tls, outbound, traces, orders, inventory, shipping, billing, notify",
    ]


def test_a_value_or_variable_that_nobody_reads_is_named(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invoice without its VAT id, a machine that lets everybody in: nobody would look for a typing error."""
    configuration.write_text('[shop]\nvatid = "DE1"\n[system]\nprot_base = 9080\nport_base = 9080\n')
    monkeypatch.setenv("DOORSTEP_ACCES__LOOPBACK", "viewer")
    monkeypatch.setenv("DOORSTEP_ACCESS__LOOPBACK", "viewer")
    assert list(unread()) == [
        "prot_base in [system] is read by nobody: did you mean port_base?",
        "vatid in [shop] is read by nobody: did you mean vat_id?",
        "DOORSTEP_ACCES__LOOPBACK is read by nobody: did you mean [access]?",
    ]


def test_a_configuration_that_is_named_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without it a machine would be open to whoever is at it."""
    monkeypatch.setenv("DOORSTEP_CONFIG", str(tmp_path / "doorstep.tmol"))
    with pytest.raises(CannotDo, match=r"DOORSTEP_CONFIG: there is no file .*doorstep\.tmol"):
        list(unread())
    with pytest.raises(SettingsWrong, match="there is no file"):
        section("system", System)


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            'reservation_minutes = "soon"',
            "inventory: inventory.reservation_minutes: Input should be a valid integer, "
            "unable to parse string as an integer (got 'soon')",
        ),
        (
            "reservation_minuts = 5",
            "inventory: inventory.reservation_minuts: Extra inputs are not permitted (got 5)",
        ),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(
    configuration: Path, tmp_path: Path, table: str, said: str
) -> None:
    """A service that can never start is not waited for: everything ends, with the line that says why."""
    configuration.write_text(f"[inventory]\n{table}\n")
    command = [
        *doorstep("up"),
        "--data",
        str(tmp_path / "var"),
        "--port-base",
        str(ten_free_ports()),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"doorstep: {said}"


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        ("[shop]\nname = 3", ["up"], "shop.name: Input should be a valid string (got 3)"),
        (
            "[billing]\ntimezone = 'Moon/Far'",
            ["up"],
            "billing.timezone: 'Moon/Far' is no time zone",
        ),
        ("[tls]\ncert_file = 5", ["status"], "tls.cert_file: Input is not a valid path"),
    ],
    ids=["shop", "time zone", "tls"],
)
def test_a_setting_that_the_command_itself_reads_is_named(
    configuration: Path, tmp_path: Path, table: str, arguments: list[str], said: str
) -> None:
    """Not only the services read the configuration: the page and the commands do, too."""
    configuration.write_text(table + "\n")
    place = ["--data", str(tmp_path / "var"), "--port-base", str(ten_free_ports())]
    done = run(*arguments, *place)
    assert done.exit_code == 1
    assert f"doorstep: {said}" in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_a_demo_without_its_channels_is_told_which_one_it_needs(configuration: Path, tmp_path: Path) -> None:
    """Whoever has only a channel of their own left in the configuration, and still types `make run`."""
    configuration.write_text('[channels.mine]\nkind = "shopify"\n')
    done = run("up", "--demo", "--data", str(tmp_path / "var"), "--port-base", str(ten_free_ports()))
    assert done.exit_code == 1
    assert done.stderr == (
        'doorstep: --demo sells through [channels.shopify] with kind = "shopify", which the configuration does not '
        "have: add it, or start without --demo\n"
    )
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("name", ["logs", "nats", "secrets"])
def test_a_part_of_the_data_folder_that_cannot_be_used_is_named(
    configuration: Path, tmp_path: Path, name: str
) -> None:
    """Whoever once ran it as another user has folders in it that are not theirs; here a file is in the way."""
    (tmp_path / name).touch()
    done = run("up", "--data", str(tmp_path), "--port-base", str(ten_free_ports()))
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.splitlines()[-1] == (
        f"doorstep: {tmp_path / name} cannot be used (File exists): see whose it is, or choose another with --data DIR"
    )
