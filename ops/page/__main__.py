"""`python -m ops.page`: the page on its own, where the services run elsewhere (`[system.services]` says where)."""

from __future__ import annotations

import asyncio
import signal
import sys

from chassis.settings import SettingsWrong
from ops.console import CannotDo
from ops.page.server import serve_page
from ops.system import find


async def main() -> None:
    """Serve until told to stop."""
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    async with serve_page(find()):
        await stopping.wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (CannotDo, SettingsWrong, OSError) as known:
        sys.exit(f"page: {known}")
