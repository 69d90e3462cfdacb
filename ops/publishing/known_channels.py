"""Whether somebody takes the orders of a channel: said by the orders service, which is the one that reads them."""

from __future__ import annotations

from ops.asking import Services
from ops.channels import channels
from ops.console import CannotDo
from ops.system import System

ANSWER_WITHIN_SECONDS = 2.0


async def doubt_about(system: System, channel: str) -> str:
    """What speaks against publishing to a channel, empty if nothing does. Raises `CannotDo` where orders knows of none.

    Publishing needs the bus alone. Where orders cannot be asked, this configuration may still name the channel; it need
    not, as it is not the one of the services.
    """
    async with Services(system, ANSWER_WITHIN_SECONDS) as services:
        try:
            answer = await services.get("orders", "/channels")
        except CannotDo as unasked:
            return "" if channel in channels() else _unsure(channel, unasked)
    known = [each["name"] for each in answer["channels"]]
    if channel not in known:
        raise CannotDo(
            f"orders knows no channel {channel}: there are {', '.join(known) or 'none'}; "
            f"[channels.{channel}] in its configuration makes one"
        )
    return ""


def _unsure(channel: str, unasked: CannotDo) -> str:
    return (
        f"nobody could say whether {channel} is a channel; if it is none, its messages are parked "
        f"(`doorstep park list`): {unasked}"
    )
