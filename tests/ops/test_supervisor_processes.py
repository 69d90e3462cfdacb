"""Processes that are kept alive: started again when they die, let finish when told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.running.processes import Keeper, Part, last_line, pause_after, rotate
from tests.ops.running import REPOSITORY, eventually

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
POLITE = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: (print('finished', flush=True), sys.exit(0)))\n"
    "print('up', flush=True); time.sleep(600)"
)


def a_part(folder: Path, program: str, **environment: str) -> Part:
    return Part("part", (sys.executable, "-c", program), folder / "logs" / "part.log", environment)


async def until_log_says(keeper: Keeper, word: str) -> None:
    await asyncio.to_thread(
        eventually, lambda: word in keeper.part.log.read_text(), 10, f"the log says {word}"
    )


async def another_pid(keeper: Keeper, before: int) -> int:
    await asyncio.to_thread(eventually, lambda: keeper.pid not in (None, before), 10, "it is started again")
    assert keeper.pid is not None
    return keeper.pid


async def test_a_killed_process_is_started_again_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shop must not wait for a person because one of its services died."""
    keeper = Keeper(a_part(tmp_path, SLEEPS))
    await keeper.start()
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    second = await another_pid(keeper, first)
    assert second != first
    assert "part was killed by SIGKILL" in capsys.readouterr().err
    await keeper.stop(5)


async def test_told_to_stop_a_process_may_finish(tmp_path: Path) -> None:
    """Draining is the process's own business; it is not killed while it does it, and not started again."""
    keeper = Keeper(a_part(tmp_path, POLITE))
    await keeper.start()
    await until_log_says(keeper, "up")
    await keeper.stop(10)
    assert "finished" in keeper.part.log.read_text()
    assert (keeper.pid, keeper.starts) == (None, 1)


async def test_one_that_does_not_listen_is_killed_after_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends within a bounded time whatever a child does."""
    keeper = Keeper(a_part(tmp_path, STUBBORN))
    await keeper.start()
    await until_log_says(keeper, "up")
    await keeper.stop(0.2)
    assert keeper.pid is None
    assert "did not end within 0.2 s" in capsys.readouterr().err


async def test_a_part_gets_its_additions_to_the_environment(tmp_path: Path) -> None:
    """This is how services learn where they live and what their secrets are."""
    program = (
        f"import os; print(os.environ['DOORSTEP_SECRET'], os.environ['PATH'] != '', flush=True); {SLEEPS}"
    )
    keeper = Keeper(a_part(tmp_path, program, DOORSTEP_SECRET="hush"))
    await keeper.start()
    await until_log_says(keeper, "up")
    await keeper.stop(5)
    assert keeper.part.log.read_text().splitlines()[0] == "hush True"
    assert last_line(keeper.part.log) == "up"


async def test_one_that_cannot_start_says_why_and_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong setting is wrong each time: nobody should watch it being tried for ever."""
    program = "import sys; sys.exit('part: part.minutes: not a whole number')"
    keeper = Keeper(a_part(tmp_path, program), probation=True)
    await keeper.start()
    await asyncio.to_thread(eventually, lambda: keeper.given_up, 20, "it is given up")
    assert keeper.starts == 3
    assert keeper.last_words() == "part: part.minutes: not a whole number"
    assert capsys.readouterr().err.count("part: part.minutes: not a whole number\n") == 2
    await keeper.stop(1)


async def test_one_that_was_ready_once_is_tried_for_ever(tmp_path: Path) -> None:
    """What ran before will run again, when what it needs is back."""
    keeper = Keeper(a_part(tmp_path, "raise SystemExit(1)"))
    await keeper.start()
    await asyncio.to_thread(eventually, lambda: keeper.starts > 3, 20, "it is started a fourth time")
    assert not keeper.given_up
    await keeper.stop(5)


@pytest.mark.parametrize(("deaths", "pause"), [(0, 0.0), (1, 0.2), (2, 0.4), (5, 3.2), (6, 5.0), (60, 5.0)])
def test_quick_deaths_in_a_row_cost_longer_pauses(deaths: int, pause: float) -> None:
    """A process that cannot start must not keep the machine busy, and is tried for ever."""
    assert pause_after(deaths) == pause


def test_logs_of_earlier_runs_are_kept_and_the_oldest_forgotten(tmp_path: Path) -> None:
    """The log of the run that went wrong is still there after the restart that mended it."""
    log = tmp_path / "part.log"
    for run in range(6):
        rotate(log)
        log.write_text(f"run {run}")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"part.log": "run 5", "part.log.1": "run 4", "part.log.2": "run 3", "part.log.3": "run 2"}


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux only"
)
def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """Or the next start would find its ports taken by orphans."""
    program = (
        "import asyncio, pathlib, sys\n"
        "from ops.running.processes import Keeper, Part\n"
        "async def main():\n"
        "    command = (sys.executable, '-c', 'import time; time.sleep(600)')\n"
        "    keeper = Keeper(Part('child', command, pathlib.Path(sys.argv[1])))\n"
        "    await keeper.start(); print(keeper.pid, flush=True); await asyncio.sleep(600)\n"
        "asyncio.run(main())"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "child.log")],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    eventually(lambda: not is_alive(child), 5, "the child is gone")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
