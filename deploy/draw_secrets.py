"""`python -m deploy.draw_secrets [PART…]`: draw the secrets that are missing, in the cluster, as a job of it.

Of Secrets that belong together (a part: the NATS users' seeds and what the servers know of them, a certificate and
its authority) either all are drawn or none: halves of two draws would lock everybody out. So what is drawn lies whole
in one Secret, `drawing`, before the first of the others is made of it, and until the last one is: whoever comes after a
process that died goes on from there, and so does a second one beside it. Wherever one dies,

* before `drawing` is made, nothing was;
* from then on, the next one makes from it what is not there yet (what is there stays, being the same);
* after it was taken away, everything is there, and nothing is missing.

The job may read no Secret but `drawing`. Whether a name is taken it learns by a create that is only tried (a dry run).
What it cannot see is somebody who makes a part by hand in the very moment in which it does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from deploy.kubernetes_api import ACCOUNT, Refused, Secrets, here
from deploy.secret_forms import Contents
from deploy.secrets import PARTS, drawn

type Draw = dict[str, Contents]
DRAWING, KEY = "drawing", "secrets.json"
ROUNDS_MAX = 10
"""It takes two or three; more are needed only while others make and unmake the same Secrets."""


def draw_missing(cluster: Secrets, draws: dict[str, Draw]) -> tuple[str, ...]:
    """Make the parts of which nothing is there, from `draws` or from a draw that was begun before.

    Returns a sentence for each part that is there in part, which stays so. Raises `Refused`.
    """
    believed = set[str]()
    for _ in range(ROUNDS_MAX):
        finish(cluster)
        missing, halves = look(cluster, draws)
        if missing:  # Where another was quicker, its draw is the one that counts.
            cluster.create(DRAWING, {KEY: json.dumps(missing)})
        elif believed.issuperset(halves):
            return halves
        # Half of a part may be another's work under way: what it leaves is seen in the next round.
        believed = set(halves)
    raise Refused(
        f"something is still missing after {ROUNDS_MAX} rounds: does anybody delete Secrets meanwhile?"
    )


def look(cluster: Secrets, draws: dict[str, Draw]) -> tuple[Draw, tuple[str, ...]]:
    """What is to be made of these draws, and what is wrong with the parts that are there in part."""
    missing, halves = dict[str, Contents](), list[str]()
    for part, draw in draws.items():
        absent = [name for name in draw if not cluster.is_taken(name)]
        if len(absent) == len(draw):
            missing |= draw
        elif absent:
            halves.append(_half(part, draw.keys() - absent, absent))
    return missing, tuple(halves)


def _half(part: str, there: Iterable[str], absent: Iterable[str]) -> str:
    return (
        f"{part}: {', '.join(sorted(absent))} is missing beside {', '.join(sorted(there))}. They belong together, "
        "so that nothing of it was drawn: put back what is missing, or take the rest away, and all of it is drawn anew"
    )


def finish(cluster: Secrets) -> None:
    """Make what was drawn, then take the draw away; nothing where no draw was begun."""
    found = cluster.read(DRAWING)
    if found is None:
        return
    uid, contents = found
    if KEY not in contents:
        raise Refused(
            f"the Secret {DRAWING} is not one that this made, and stands in its place: take it away"
        )
    draw: Draw = json.loads(contents[KEY])
    made = [name for name, secret in draw.items() if cluster.create(name, secret)]
    cluster.delete(DRAWING, uid)
    sys.stdout.write(f"made of what was drawn: {', '.join(made) or 'nothing, all of it is there'}\n")


def main() -> None:
    """Draw what is missing where this pod runs; exit 1 with a line for each part that is there in part."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.draw_secrets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of these (default: all): {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--account",
        type=Path,
        default=ACCOUNT,
        help="where token, ca.crt and namespace are (default: %(default)s)",
    )
    said = parser.parse_args()
    parts = said.parts or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    try:
        halves = in_this_namespace(parts, said.account)
    except (Refused, OSError) as reason:
        halves = (str(reason),)
    if halves:
        sys.exit("\n".join(f"draw-secrets: {each}" for each in halves))
    sys.stdout.write("every secret is there\n")


def in_this_namespace(parts: Iterable[str], account: Path) -> tuple[str, ...]:
    """As `draw_missing`, for the cell in `DOORSTEP_SYSTEM__CELL`."""
    place, cell = here(account), os.environ.get("DOORSTEP_SYSTEM__CELL", "default")
    draws = {part: drawn(cell, place.namespace, parts=[part]) for part in parts}
    return draw_missing(Secrets(place), draws)


if __name__ == "__main__":
    main()
