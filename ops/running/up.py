"""`doorstep up`: the whole system on one machine, supervised until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ops.channels import channels, secrets_of, variable
from ops.console import note, say, say_json
from ops.kept import Choice, Kept
from ops.local_password import access_of, drawn, password_for_services, place
from ops.misspelt import unread
from ops.running.preflight import lock_folder, nats_server_binary, require_free_ports
from ops.running.unfinished import require_whole
from ops.system import PORTS, System, remember

if TYPE_CHECKING:
    from ops.page.sign_in import Reception
    from ops.running.supervisor import Supervisor

NATS_PARTS = ("nats", "nats-monitor")

AUTOPILOT = {"DOORSTEP_SHIPPING__AUTOPILOT": "true"}
DEMO = {"DOORSTEP_SHIPPING__CARRIER": "sandbox", "DOORSTEP_SHIPPING__AUTOPILOT_AFTER_SECONDS": "6"}
"""The demo buys its labels over HTTP, and leaves parcels standing for a moment so that one sees them."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who starts it asked for."""

    autopilot: bool = False
    demo: bool = False
    as_json: bool = False
    store: Choice | None = None


async def run(system: System, wishes: Wishes) -> None:
    """Check, start, say ready, serve until told to stop, drain."""
    from ops.page.server import serve_page
    from ops.running.supervisor import Supervisor
    from ops.stores import keep_in

    for oddity in unread():
        note(oddity)
    if wishes.demo:
        from ops.demo.channels import require_channels

        require_channels(channels())
    own_nats = not os.environ.get("DOORSTEP_NATS_URL")
    lock = lock_folder(system.data)
    if own_nats:
        nats_server_binary()
    require_whole(system)
    require_free_ports(system, (part for part in PORTS if own_nats or part not in NATS_PARTS))
    keep_in(system, Kept(wishes.store) if wishes.store else None)
    remember(system)
    secrets = secrets_of(system.folder("secrets"))
    drawn(system.data)
    supervisor = Supervisor(system, environment_of(system, secrets, wishes), own_nats)
    with lock:
        async with contextlib.AsyncExitStack() as stack:
            stopping = await stack.enter_async_context(_told_to_stop(supervisor))
            stack.push_async_callback(_drain, supervisor)
            reception = await stack.enter_async_context(serve_page(system))
            await _unless_stopped(stopping, _serve(supervisor, secrets, wishes, reception))


def environment_of(system: System, secrets: dict[str, str], wishes: Wishes) -> dict[str, str]:
    """What the services are told beside the configuration file: where the system is, and the channels' secrets."""
    from ops.stores import database_url

    return {
        "DOORSTEP_SYSTEM__DATA": str(system.data),
        "DOORSTEP_SYSTEM__PORT_BASE": str(system.port_base),
        "DOORSTEP_NATS_URL": system.nats_url,
        **password_for_services(system.data),
        **({"DOORSTEP_DATABASE_URL": url} if (url := database_url(system)) else {}),
        **{variable(channel): secret for channel, secret in secrets.items()},
        **(AUTOPILOT if wishes.autopilot else {}),
        **(DEMO if wishes.demo else {}),
    }


def ready_object(system: System, pids: dict[str, int | None]) -> dict[str, Any]:
    """What `up --json` says once everything is ready."""
    return {
        "ready": True,
        "page": system.page_url,
        "nats": system.nats_url,
        "services": {name: {"url": system.url(name), "pid": pid} for name, pid in pids.items()},
    }


async def _serve(
    supervisor: Supervisor, secrets: dict[str, str], wishes: Wishes, reception: Reception
) -> None:
    note(f"starting the bus and five services in {supervisor.system.data}")
    await supervisor.start()
    await supervisor.until_ready()
    _say_ready(supervisor, secrets, wishes, reception)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.watch())
        if wishes.demo:
            from ops.demo.player import play

            tasks.create_task(play(supervisor.system, secrets))


def _say_ready(supervisor: Supervisor, secrets: dict[str, str], wishes: Wishes, reception: Reception) -> None:
    from ops.sample import write_sample

    system = supervisor.system
    said = ready_object(system, supervisor.pids())
    shopify = secrets.get("shopify")
    sample = write_sample(system, shopify, datetime.now(UTC)) if shopify else None
    if wishes.as_json:
        say_json(said)
        return
    say(f"ready  {system.page_url}")
    if not access_of(system.data).loopback & {"operator", "admin"}:
        say(f"  {'sign in':<10} {system.page_url}/login?key={reception.one_time_key()}  (works once)")
    for name, service in said["services"].items():
        say(f"  {name:<10} {service['url']}  (pid {service['pid']})")
    say(f"  {'nats':<10} {system.nats_url}")
    say(f"  {'data':<10} {system.data}  (logs in {system.data / 'logs'})")
    say(f"  {'password':<10} in {place(system.data)}, for whoever is not on this machine")
    if sample:
        say("\nSend an order of your own, as Shopify would:\n")
        say(sample.curl)
        if not wishes.demo:
            say(
                f"\nIts goods wait to be imported: doorstep import skus {sample.path.with_name('skus.csv')}, then stock"
            )
    say("\nCtrl-C stops it; nothing is lost, `doorstep up` goes on from there.")


async def _unless_stopped(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work until it fails or a stop is asked for, whichever is first."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def _drain(supervisor: Supervisor) -> None:
    note("stopping: the services finish what they have begun")
    await supervisor.stop()
    note("stopped")


@contextlib.asynccontextmanager
async def _told_to_stop(supervisor: Supervisor) -> AsyncIterator[asyncio.Event]:
    """Set by the first Ctrl-C or SIGTERM; the second one kills everything."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        if stopping.is_set():
            supervisor.kill()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
