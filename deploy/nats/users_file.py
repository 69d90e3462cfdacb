"""The users as nats-server reads them: `deploy/nats/users.conf`, included by the server's configuration."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.nats.permissions import User, users

FILE = Path(__file__).with_name("users.conf")
ACCOUNT, SYSTEM = "DOORSTEP", "SYS"
ANSWERED_MANY_TIMES = {
    ".CONSUMER.MSG.NEXT.": " response: stream,",
    ".DIRECT.GET.": ' response: stream, threshold: "5s",',
}
"""How long the server remembers where such answers go: for two minutes if nothing is said, and one reading service asks
for thousands of single messages in a second.
"""
OVERSHADOWED = "$JS.API.INFO"
"""An account without JetStream answers the whole API itself, with an error that comes before the real answer, unless it
imports this subject. Its user may not ask for it."""

HEAD = f"""\
# Generated from contracts/catalogue.py by `python -m deploy.nats.permissions --write`; do not edit.
# Users prove who they are by nkeys (`python -m deploy.secrets`); the public halves come from the server's environment.
system_account: {SYSTEM}
"""


def configuration(cells: Sequence[str] = ("default",)) -> str:
    """The accounts and their users. JetStream is in one of them, whose subjects the others import one by one; the
    system account sees the servers, not the data.
    """
    everyone = [user for cell in cells for user in users(cell)]
    keepers = "\n".join(_user(user) for user in everyone if user.keeps_streams)
    confined = [user for user in everyone if not user.keeps_streams]
    exports = "".join(_export(subject, who) for subject, who in _importers(confined).items())
    return (
        f"{HEAD}accounts {{\n  {SYSTEM} {{ users: [ {{ {_proof('SYS')} }} ] }}\n"
        f"  {ACCOUNT} {{\n    jetstream: enabled\n    users: [\n{keepers}\n    ]\n"
        f"    exports: [\n{exports}    ]\n  }}\n"
        f"{''.join(_account(user) for user in confined)}}}\n"
    )


def _importers(confined: Sequence[User]) -> dict[str, list[str]]:
    """Subject to the accounts that import it."""
    found: dict[str, list[str]] = {}
    for user in confined:
        for subject in _imported(user):
            found.setdefault(subject, []).append(_account_of(user))
    return found


def _imported(user: User) -> tuple[str, ...]:
    return (*user.publish, OVERSHADOWED)


def _account_of(user: User) -> str:
    return user.name.upper()


def _export(subject: str, accounts: Sequence[str]) -> str:
    """One request for messages is answered by many, every other one by one."""
    many = next((words for verb, words in ANSWERED_MANY_TIMES.items() if verb in subject), "")
    return f'      {{ service: "{subject}",{many} accounts: [{", ".join(accounts)}] }}\n'


def _account(user: User) -> str:
    imports = "".join(
        f'      {{ service: {{ account: {ACCOUNT}, subject: "{subject}" }} }}\n'
        for subject in _imported(user)
    )
    return f"""\
  {_account_of(user)} {{
    users: [
{_user(user)}
    ]
    imports: [
{imports}    ]
  }}
"""


def _user(user: User) -> str:
    return f"""\
      {{ {_proof(user.variable)}
        permissions: {{
          publish: {{
            allow: {_list(user.publish)}
          }}
          subscribe: {{ allow: ["{user.inbox}"] }}
        }}
      }}"""


def _proof(variable: str) -> str:
    return f"nkey: $NATS_NKEY_{variable}"


def _list(subjects: Sequence[str]) -> str:
    return "[\n" + "".join(f'              "{subject}"\n' for subject in subjects) + "            ]"


def main() -> None:
    """Write the file, or say whether it is what the catalogue asks for."""
    parser = argparse.ArgumentParser(prog="python -m deploy.nats.permissions", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name} instead of checking it")
    parser.add_argument("--print", action="store_true", help="print instead, with --cell")
    parser.add_argument("--cell", action="append", help="a cell to make users for; may be given again")
    said = parser.parse_args()
    if said.print:
        sys.stdout.write(configuration(said.cell or ("default",)))
    elif said.write:
        FILE.write_text(configuration())
    elif not FILE.exists() or FILE.read_text() != configuration():
        sys.exit(f"{FILE.name} is not what the catalogue asks for: python -m deploy.nats.permissions --write")
