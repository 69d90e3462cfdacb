"""`doorstep status` for people."""

from __future__ import annotations

from contracts.services import SERVICES
from ops.status import readable, service_shape


def said(**errors: str) -> str:
    """What is told where these services did not answer, and why not."""
    answers = {name: {"ready": False, "error": errors[name]} if name in errors else {} for name in SERVICES}
    services = {name: service_shape(answer) for name, answer in answers.items()}
    return readable({"services": services, "orders": {"by_state": {}, "on_hold": {}}})


def test_a_service_that_does_not_answer_is_told_with_the_reason() -> None:
    """Below the table, one line for each."""
    told = said(billing="billing does not answer: timed out", notify="notify does not answer: timed out")
    assert told.splitlines()[-2:] == [
        "billing does not answer: timed out",
        "notify does not answer: timed out",
    ]


def test_where_nothing_runs_the_reason_is_told_once() -> None:
    """It is the same for all of them."""
    told = said(**{name: f"{name} does not answer: is `doorstep up` running?" for name in SERVICES})
    assert told.count("is `doorstep up` running?") == 1


def test_nothing_is_added_where_all_answer() -> None:
    """The table and the counts are all."""
    assert said().splitlines()[-1] == "on hold: none"
