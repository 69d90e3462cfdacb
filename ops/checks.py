"""The checks of `/readyz` in words: what it means that one fails, what to do, and where to read on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

type Check = Mapping[str, Any]
"""One check as a service says it: `ok`, and figures or details beside."""


class Failing(NamedTuple):
    """What a failing check means, as the end of a sentence about the service; what to do; the runbook's name."""

    means: str
    do: str
    runbook: str


CHECKS = {
    "started": Failing(
        "is still starting", "wait; if it stays so, its log says what it waits for", "service-down"
    ),
    "store": Failing(
        "cannot write to its store",
        "make room on the disk, or bring the database back: it tries again by itself",
        "store-not-writable",
    ),
    "bus": Failing(
        "has no connection to NATS",
        "bring nats-server back, or mend the network: it connects again by itself",
        "nats-unhealthy",
    ),
    "publish": Failing(
        "had a message refused by NATS",
        "make room on nats-server's disk or in the stream; after a full disk, start nats-server again",
        "disk-full",
    ),
    "relay": Failing(
        "cannot publish what it decided",
        "look at the log for `relay_interrupted`: it says what NATS refuses",
        "nats-unhealthy",
    ),
    "keys": Failing(
        "has no keys to personal data: channel messages wait",
        "bring the key store back, or the way to it: it tries again by itself",
        "keys-away",
    ),
    "stream": Failing(
        "found that its stream lacks messages",
        "wait: it publishes them again by itself; the page says what to do if it may not",
        "stream-lost",
    ),
    "lag": Failing(
        "is far behind its sources",
        "wait while the figure falls; if it stands still, the consumer is stuck",
        "consumer-reset",
    ),
}
"""For each check of `/readyz`, by its name."""
UNHEARD = Failing(
    "does not hear from NATS how far it is",
    "wait: a stream may be looking for a new leader; if it stays so, nats-server's log says more",
    "nats-unhealthy",
)
"""The check `lag` where it has no figure to go by, but only why there is none."""


def meaning(check: str, said: Check) -> Failing:
    """What this check means, now that it fails."""
    if check == "lag" and "detail" in said:
        return UNHEARD
    return CHECKS.get(check, Failing(f"fails its check `{check}`", "look at /readyz", "service-down"))


def in_words(check: str, said: Check) -> str:
    """What this check means, with the figures that the service gives."""
    details = ", ".join(f"{key} {value}" for key, value in said.items() if key != "ok")
    return f"{meaning(check, said).means}{f' ({details})' if details else ''}"
