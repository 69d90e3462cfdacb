"""Who asks, and in which roles: what a door finds out about a request, and what the handlers behind it may rely on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from contracts.rights import IMPLIED, ROLES, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` is empty where only the machine is known: then a command says itself who gives it."""

    name: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Whether one of the roles is good for this one."""
        return any(role in IMPLIED[own] for own in self.roles)


CALLER = web.RequestKey("caller", Caller)
"""Where a door leaves the caller for the handlers."""


def roles_among(said: Iterable[object], groups: dict[str, Role]) -> frozenset[Role]:
    """The roles that these words mean: groups of the identity provider by `groups`, and our own names as they are."""
    known: dict[str, Role] = {**{role: role for role in ROLES}, **groups}
    return frozenset(known[word] for word in said if isinstance(word, str) and word in known)
