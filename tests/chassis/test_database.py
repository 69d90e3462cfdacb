"""Which PostgreSQL the tests stand on: one in a container where a Docker engine answers, else one of our own."""

from __future__ import annotations

import psycopg

from tests.postgres import Database, is_in_a_container


def test_it_is_in_a_container_where_an_engine_answers(database: Database) -> None:
    """By the server's own word: ours speaks on a socket of this machine only, a container's over the network."""
    with psycopg.connect(database.url) as session:
        (speaks_tcp,) = session.execute("SELECT inet_server_addr() IS NOT NULL").fetchone() or (None,)
    assert speaks_tcp is is_in_a_container()
