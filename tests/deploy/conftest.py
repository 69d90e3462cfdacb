"""A guarded nats-server for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import free_port
from tests.deploy.guarded import GuardedServer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """The server with the users of production, fresh for a file of tests."""
    server = GuardedServer(tmp_path_factory.mktemp("guarded"), free_port(), free_port())
    server.start()
    yield server
    server.stop()
