"""What a process answers between the moment its store is its own and the moment it works.

It waits for the bus, which may be away for long, and then catches up with its stream. It lives, so that nobody ends it
for that; it is not ready, and says why; whoever asks anything else is told to ask again. A standby does not take it for
the active process.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from chassis.http import RETRY_AFTER_SECONDS, problem, reply
from chassis.standby import ROLE

STARTING = "starting"
METRICS = """\
# HELP doorstep_ready 1 if every check of /readyz holds
# TYPE doorstep_ready gauge
doorstep_ready{{service="{service}"}} 0
# HELP doorstep_bus_connected 1 while the connection to NATS stands
# TYPE doorstep_bus_connected gauge
doorstep_bus_connected{{service="{service}"}} {connected}
"""


@dataclass
class Starting:
    """What is waited for, in words that anybody may read; and whether the bus is there already."""

    service: str
    waits_for: str
    connected: bool = False

    def catches_up(self) -> None:
        """From now on the bus is there."""
        self.waits_for, self.connected = "its store to catch up with its stream", True

    def application(self) -> web.Application:
        """The routes: probes and metrics answer, all others are for later."""
        app = web.Application()
        app.router.add_get("/livez", self.live)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_route("*", "/{path:.*}", self.later)
        return app

    async def live(self, _: web.Request) -> web.Response:
        """It waits."""
        return reply({"live": True, "role": STARTING}, headers={ROLE: STARTING})

    async def metrics(self, _: web.Request) -> web.Response:
        """Enough for the alerts that say who does not work, and why."""
        return web.Response(text=METRICS.format(service=self.service, connected=int(self.connected)))

    async def later(self, _: web.Request) -> web.Response:
        """503, with the reason: to `/readyz` as to whoever wanted something."""
        said = f"{self.service} waits for {self.waits_for}"
        return problem(503, said, role=STARTING, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
