"""Whether somebody takes the messages of a channel: said by the orders service, which is the one that reads them."""

from __future__ import annotations

from ops.asking import Services
from ops.channels import channels
from ops.console import CannotDo
from ops.system import System
from services.orders.intake.read import is_known, topics_of
from services.orders.intake.topics import topic_token

ANSWER_WITHIN_SECONDS = 2.0


async def doubt_about(system: System, channel: str, topic: str = "") -> str:
    """What speaks against publishing to a channel, under a topic of the sender's choice if one is given; empty if
    nothing does. Raises `CannotDo` where orders knows no such channel.

    Publishing needs the bus alone. Where orders cannot be asked, this configuration may still name the channel; it need
    not, as it is not the one of the services.
    """
    async with Services(system, ANSWER_WITHIN_SECONDS) as services:
        try:
            answer = await services.get("orders", "/channels")
        except CannotDo as unasked:
            known = {name: each.kind for name, each in channels().items()}
            return _no_topic(known[channel], topic) if channel in known else _unsure(channel, unasked)
    known = {each["name"]: each["kind"] for each in answer["channels"]}
    if channel not in known:
        raise CannotDo(
            f"orders knows no channel {channel}: there are {', '.join(known) or 'none'}; "
            f"[channels.{channel}] in its configuration makes one"
        )
    return _no_topic(known[channel], topic)


def _no_topic(kind: str, topic: str) -> str:
    if not topic or is_known(kind, topic_token(topic)):
        return ""
    return (
        f"a channel of kind {kind} has no topic {topic}: its messages are parked (`doorstep park list`); it has "
        f"{', '.join(topics_of(kind))}"
    )


def _unsure(channel: str, unasked: CannotDo) -> str:
    return (
        f"nobody could say whether {channel} is a channel; if it is none, its messages are parked "
        f"(`doorstep park list`): {unasked}"
    )
