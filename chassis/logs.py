"""Structured logs: one JSON line per event on stderr, with the service and, where there is one, the correlation id.

Personal data never goes to a log: callers pass ids, counts and reasons, not bodies. What libraries and other people's
servers say is passed on without e-mail addresses, and what is no HTTP without its bytes.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

QUIET = {
    "nats": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "faststream": logging.WARNING,
    "psycopg": logging.ERROR,  # it warns of what went wrong after what is raised
    "asyncio": logging.ERROR,  # it warns of each TLS connection that is closed
}

SAID_BY_OTHERS = ("error", "detail", "exception")
"""Fields in which the words of an exception may stand, which may quote what it is about."""
UNREADABLE_HTTP = "aiohttp.http_exceptions"


def set_up(service: str, *, human: bool = False) -> None:
    """Configure structlog for this process. `human` prints coloured lines instead of JSON."""
    renderer: Any = structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_people,
            without_an_empty_story,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    hush()


def hush() -> None:
    """Libraries say what is wrong, and no more."""
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger("aiohttp.server").addFilter(tell_unreadable)


def without_people(_: Any, __: str, event: EventDict) -> EventDict:
    """The last of several nets: adapters leave more out, as they know whom they speak of."""
    from chassis.quotations import without_addresses  # commands start quicker without what it stands on

    for field in SAID_BY_OTHERS:
        if isinstance(said := event.get(field), str):
            event[field] = without_addresses(said)
    return event


def without_an_empty_story(_: Any, __: str, event: EventDict) -> EventDict:
    """What turns out to be of no story, such as a request that failed before it was a command, does not claim one."""
    if not event.get("correlation", "known"):
        del event["correlation"]
    return event


def tell_unreadable(record: logging.LogRecord) -> bool:
    """A filter: aiohttp logs the bytes of a request that it cannot read, and from where it came. We say that it did."""
    fault = record.exc_info[1] if record.exc_info else None
    if type(fault).__module__ != UNREADABLE_HTTP:
        return True
    logger().warning("request_unreadable", fault=type(fault).__name__)
    return False


def set_up_quietly() -> None:
    """For a process that is no service, such as a command: errors only, on stderr, beside what it says itself."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def logger() -> structlog.stdlib.BoundLogger:
    """The process's logger; a quiet one where nobody has set one up."""
    if not structlog.is_configured():
        set_up_quietly()
    found: structlog.stdlib.BoundLogger = structlog.get_logger()
    return found
