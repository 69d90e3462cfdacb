"""What calls to the bus raise while it is away."""

from __future__ import annotations

import asyncio

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

DISCONNECTED = (
    nats.errors.TimeoutError,
    nats.errors.ConnectionClosedError,
    nats.errors.NoRespondersError,
    nats.errors.OutboundBufferLimitError,
    nats.errors.ConnectionReconnectingError,
    NoStreamResponseError,
    ServiceUnavailableError,
    asyncio.TimeoutError,
    OSError,
)
"""What a call to the bus raises while the server, or the way to it, is away."""


class BusAway(Exception):
    """NATS cannot be reached, or did not answer: nothing is known to be stored. Try again."""


AWAY = (*DISCONNECTED, BusAway, APIError)
"""Everything that means: not now, try again. Nothing that comes from it may end a service."""
