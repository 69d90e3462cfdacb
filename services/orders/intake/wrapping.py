"""Finding the one order in a body: bare, wrapped as `{"order": …}` or `{"data": …}`, or a list of one."""

from __future__ import annotations

from typing import Any

from chassis.quoting import quoted
from services.orders.intake.fields import Fields, Wrong

WRAPPERS = ("order", "data", "orders")
DEPTH_MAX = 4


def the_order(body: Any) -> Fields:
    """The order's fields. Raises `Wrong` for a list of several, and for a body that is something else."""
    for _ in range(DEPTH_MAX):
        if isinstance(body, list):
            body = _only_one(body)
        elif isinstance(body, dict) and (name := _wrapper(body)):
            body = body[name]
        else:
            break
    if not isinstance(body, dict):
        raise Wrong("not an order: the body is no JSON object")
    if len(body) == 1 and isinstance(next(iter(body.values())), (dict, list)):
        raise Wrong(f"not an order: the body holds {quoted(next(iter(body)))}")
    return Fields(body)


def _only_one(bodies: list[Any]) -> Any:
    if len(bodies) == 1:
        return bodies[0]
    raise Wrong(f"a list of {len(bodies)}; one message carries one order, send them one by one")


def _wrapper(body: dict[str, Any]) -> str:
    """The wrapping key; none where the object has lines of its own."""
    if "line_items" in body:
        return ""
    return next((name for name in WRAPPERS if isinstance(body.get(name), (dict, list))), "")
