"""`python -m deploy.secrets --database …`: the Secrets of a PostgreSQL server of one's own, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from contracts.services import SERVICES
from deploy.certificates import issue
from deploy.database import DatabaseWrong, Server
from deploy.secrets import drawn
from tests.deploy.test_secrets import by_name, draw

URL = "postgresql://shop-owner@db.example:6432/shop"
PASSWORD = "correct horse: 100% /battery?"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The owner's password and the certificate of the server's authority."""
    password, authority = tmp_path / "password", tmp_path / "ca.crt"
    password.write_text(f"{PASSWORD}\n")
    authority.write_text(issue(("db.example",)).authority)
    return password, authority


def options(password: Path, authority: Path) -> list[str]:
    """The three that belong together."""
    return ["--database", URL, "--database-password-file", str(password), "--database-ca", str(authority)]


def test_one_command_draws_what_leads_to_a_server_of_ones_own(files: tuple[Path, Path]) -> None:
    """Whoever logs in goes there and has it proved; the owner by the password that it has, whatever is in it."""
    said = draw("--namespace", "shop", *options(*files))
    assert said.returncode == 0, said.stderr
    found = by_name(json.loads(said.stdout))
    assert found["postgres-ca"] == {"ca.crt": files[1].read_text().strip()}
    for name in ("owner", *SERVICES):
        secret = found[f"postgres-{name}"]
        meant = conninfo_to_dict(secret["uri"])
        assert (meant["host"], meant["port"], meant["dbname"]) == ("db.example", "6432", "shop")
        assert (meant["user"], meant["password"]) == (secret["username"], secret["password"])
        assert (meant["sslmode"], meant["sslrootcert"]) == (
            "verify-full",
            "/run/secrets/postgres-authority/ca.crt",
        )
    owner = found["postgres-owner"]
    assert (owner["username"], owner["password"]) == ("shop-owner", PASSWORD)
    assert {found[f"postgres-{service}"]["username"] for service in SERVICES} == set(SERVICES)


def test_the_rest_is_drawn_as_ever(files: tuple[Path, Path]) -> None:
    """A server of one's own adds its authority, which the operator's brings itself, and nothing else."""
    operators, server = drawn("default", "shop"), Server.of_ones_own(URL, *files)
    own = drawn("default", "shop", database=server)
    assert own.keys() - operators.keys() == {"postgres-ca"}
    assert operators.keys() <= own.keys()


def test_the_logins_alone_are_drawn_anew(files: tuple[Path, Path]) -> None:
    """The owner's password is not ours to draw."""
    said = draw("--only", "postgres-logins", *options(*files))
    assert by_name(json.loads(said.stdout)).keys() == {f"postgres-{service}" for service in SERVICES}


def test_cells_on_one_server_have_logins_of_their_own(files: tuple[Path, Path]) -> None:
    """Logins belong to a whole server: the cells' would be the same ones."""
    server = Server.of_ones_own(URL, *files, cell="eu")
    assert {secret["username"] for secret in server.logins().values()} == {f"eu_{name}" for name in SERVICES}


def test_servers_that_take_over_from_each_other_are_all_named(files: tuple[Path, Path]) -> None:
    """As libpq has it, with commas."""
    server = Server.of_ones_own("postgresql://owner@one:5432,two:5433/shop", *files)
    meant = conninfo_to_dict(server.owners()["postgres-owner"]["uri"])
    assert (meant["host"], meant["port"]) == ("one,two", "5432,5433")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("db.example:5432/shop", "names the owner, the server and the database"),
        ("postgresql://db.example:5432/shop", "names the owner"),
        ("postgresql://owner@db.example", "names the owner"),
        ("postgresql://owner@db.example/shop?sslmode=disable", "names the owner"),
        ("postgresql://owner:secret@db.example/shop", "not belong into --database"),
    ],
)
def test_half_a_server_is_none(files: tuple[Path, Path], url: str, says: str) -> None:
    """What is missing would show in the cluster only, and a password in the shell's history."""
    with pytest.raises(DatabaseWrong, match=says):
        Server.of_ones_own(url, *files)


def test_a_file_without_what_it_is_for_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A missing one, an empty one, a key in the place of a certificate."""
    password, authority = files
    (tmp_path / "empty").write_text("\n")
    for wrong, says in ((tmp_path / "none", "No such file"), (tmp_path / "empty", "is empty")):
        with pytest.raises(DatabaseWrong, match=says):
            Server.of_ones_own(URL, wrong, authority)
    with pytest.raises(DatabaseWrong, match="has no certificate"):
        Server.of_ones_own(URL, password, password)


def test_the_three_options_belong_together(files: tuple[Path, Path]) -> None:
    """And not into a compose set-up, which has a server of its own."""
    every = options(*files)
    for arguments in (every[:4], ["--folder", "nowhere", *every]):
        refused = draw(*arguments)
        assert (refused.returncode, refused.stdout) == (2, ""), arguments
