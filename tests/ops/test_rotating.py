"""`doorstep rotate-master-key`: the file beside the keys is replaced, whatever was cut off; what runs is not hurt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chassis.keys.master import FILE, FILE_VARIABLE, draw, master_key, master_key_in
from chassis.keys.personal_data import FILE as KEYS_FILE
from chassis.keys.sqlite import SQLiteKeys
from chassis.keys.store import Wanted
from ops.console import CannotDo
from ops.personal.key_copies import back_up_keys, restore_keys
from ops.personal.rotating import PENDING, rotate_master_key
from ops.system import System, find
from tests.ops.running import Up, ten_free_ports
from tests.ops.test_cli_restore import broken, feed
from tests.ops.test_cli_up import load_shop, until_fulfilled

NOW = "2026-11-21T12:00:00.000000Z"
ADA = "ada@example.com"


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A stopped one with one customer."""
    system = find(tmp_path / "var", ten_free_ports())
    keys_in(system).issue([Wanted(owner=ADA, entity="order/shop:1")], NOW)
    return system


def keys_in(system: System) -> SQLiteKeys:
    """Its keys, as a service that is started now has them."""
    folder = system.data / "keys"
    return SQLiteKeys(folder / KEYS_FILE, lambda: master_key(folder))


def can_be_read(system: System) -> bool:
    keys = keys_in(system)
    (key_id,) = keys.keys_of_owner(ADA)
    return set(keys.fetch([key_id], "test", NOW)) == {key_id}


async def test_the_master_key_beside_the_keys_is_replaced(system: System) -> None:
    """For its owner only; who was found by the old one is found by the new one."""
    folder = system.data / "keys"
    before = master_key(folder).fingerprint
    done = await rotate_master_key(system, "dpo", "somebody left")
    assert (done.keys, done.old, done.new) == (1, before, master_key(folder).fingerprint)
    assert done.new != before
    assert (folder / FILE).stat().st_mode & 0o077 == 0
    assert not (folder / PENDING).exists()
    assert can_be_read(system)


@pytest.mark.parametrize("in_store", [False, True])
async def test_what_was_cut_off_is_ended_by_the_same_command(system: System, in_store: bool) -> None:
    """Before the store had begun, and after it was done, when the old file was still in its place."""
    folder = system.data / "keys"
    old = master_key(folder)
    draw(folder / PENDING)
    new = master_key_in(folder / PENDING)
    if in_store:
        keys_in(system).rotate(old, new, "dpo", "cut off", NOW)
        with pytest.raises(CannotDo, match=r"end `doorstep rotate-master-key` first"):
            await back_up_keys(system, system.data / "copy")
    done = await rotate_master_key(system, "dpo", "again")
    assert (done.keys, done.new) == (0 if in_store else 1, new.fingerprint)
    assert master_key(folder).fingerprint == new.fingerprint
    assert can_be_read(system)
    assert len(keys_in(system).contents()["rotations"]) == 1


async def test_a_master_key_that_comes_from_outside_is_replaced_there(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever keeps it: here, only what it wraps is changed. Said twice, it is done once."""
    said = tmp_path / "said"
    said.write_text((system.data / "keys" / FILE).read_text())
    monkeypatch.setenv(FILE_VARIABLE, str(said))
    with pytest.raises(CannotDo, match="--new-key-file"):
        await rotate_master_key(system, "dpo", "leaked")
    draw(tmp_path / "new")
    assert (await rotate_master_key(system, "dpo", "leaked", new_file=tmp_path / "new")).keys == 1
    assert (await rotate_master_key(system, "dpo", "leaked", new_file=tmp_path / "new")).keys == 0
    assert said.read_text() == (system.data / "keys" / FILE).read_text()
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "new"))
    assert can_be_read(system)


async def test_what_is_no_rotation_is_refused(system: System, tmp_path: Path) -> None:
    """The same master key again, one that is none, nobody who answers for it."""
    current = system.data / "keys" / FILE
    with pytest.raises(CannotDo, match="draw another"):
        await rotate_master_key(system, "dpo", "leaked", new_file=current)
    assert not (system.data / "keys" / PENDING).exists()
    (tmp_path / "hush").write_text("hush")
    with pytest.raises(CannotDo, match="64 hexadecimal digits"):
        await rotate_master_key(system, "dpo", "leaked", new_file=tmp_path / "hush")
    with pytest.raises(CannotDo, match="--reason is recorded"):
        await rotate_master_key(system, "dpo", " ")
    assert can_be_read(system)


async def test_an_old_copy_of_the_keys_can_follow(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which master key it needs; put back, its keys are wrapped by the one of today."""
    said = await back_up_keys(system, tmp_path / "copy")
    done = await rotate_master_key(system, "dpo", "leaked")
    assert said["wrapped_by"] == done.old
    folder = system.data / "keys"
    for file in folder.glob(f"{KEYS_FILE}*"):
        file.unlink()
    await restore_keys(find(system.data, system.port_base), tmp_path / "copy")
    assert "wrapped by another master key" in capsys.readouterr().err
    followed = await rotate_master_key(
        system, "dpo", "restored", old_file=tmp_path / "copy" / FILE, new_file=folder / FILE
    )
    assert (followed.keys, followed.new) == (1, done.new)
    assert can_be_read(system)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_shop_goes_on_with_another_master_key(tmp_path: Path) -> None:
    """It is refused while the shop runs; afterwards old orders are read, known customers are known, all holds."""
    up = Up(tmp_path / "var", ten_free_ports())
    command = ("rotate-master-key", "--actor", "dpo", "--reason", "somebody left", "--json")
    try:
        up.start()
        load_shop(up, tmp_path)
        sold = feed(up, range(3, 6))
        for order_id in sold:
            until_fulfilled(up, order_id)
        (before,) = json.loads(up.run("export", sold[0]).stdout)["addresses"]
        refused = up.run(*command)
        assert refused.returncode == 1
        assert "stop it" in refused.stderr
        up.stop()
        done = up.run(*command)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["keys"] >= 2 * len(sold)

        up.start()
        for order_id in feed(up, range(6, 9)):
            until_fulfilled(up, order_id)
        assert json.loads(up.run("export", before).stdout)["addresses"] == [before]
        assert broken(up) == []
        assert json.loads(up.run("doctor", "--json").stdout)["complaints"] == []
    finally:
        up.stop()
