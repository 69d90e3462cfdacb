"""Alert rules that are a little wrong: each differs from a right one in one place, as a slip of the hand would."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

type Rule = dict[str, Any]

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
DURATION = re.compile(r"(?P<count>\d+)(?P<unit>[smhd])")
LITERAL = re.compile(r"\{[^}]*\}|\"[^\"]*\"")
"""Where a sign is none of the rule's own: label matchers have theirs below."""


def _stepped(found: re.Match[str]) -> Sequence[str]:
    """A number, one of its last digit more and less."""
    digits = len(found[0].partition(".")[2])
    return [f"{float(found[0]) + by * 10**-digits:.{digits}f}" for by in (1, -1)]


def _lasting(found: re.Match[str]) -> Sequence[str]:
    """A duration, half and twice as long."""
    seconds = int(found["count"]) * SECONDS[found["unit"]]
    return [f"{seconds // 2}s", f"{seconds * 2}s"]


def _instead(**signs: Sequence[str]) -> Callable[[re.Match[str]], Sequence[str]]:
    return lambda found: signs[found[0]]


TURNED: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], Sequence[str]]], ...] = (
    ("number", re.compile(r"(?<![\w.\[])\d+(\.\d+)?(?![\w.])"), _stepped),
    ("window", re.compile(rf"(?<=\[){DURATION.pattern}(?=\])"), _lasting),
    (
        "comparison",
        re.compile(r"==|!=|>=|<=|>|<"),
        _instead(
            **{
                "==": ["!="],
                "!=": ["=="],
                ">=": ["<", ">"],
                "<=": [">", "<"],
                ">": ["<", ">="],
                "<": [">", "<="],
            }
        ),
    ),
    (
        "set",
        re.compile(r"\b(?:and|or|unless)\b"),
        _instead(**{"and": ["unless"], "or": ["and"], "unless": ["and"]}),
    ),
)
GROUPED = re.compile(r"\b(?:on|by|ignoring) \(([\w, ]+)\)")
MATCHERS = re.compile(r"(?<=[\w])(?:!=|=)(?=\")")
OTHER_MATCHER = {"=": "!=", "!=": "="}


def turned(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Each wrong neighbour of a rule, with what is wrong about it."""
    for what, expr in _expressions(rule["expr"]):
        yield f"{rule['alert']}: {what} in {expr}", rule | {"expr": expr}
    if found := DURATION.fullmatch(rule.get("for", "")):
        for lasting in _lasting(found):
            yield f"{rule['alert']}: for {lasting}, not {rule['for']}", rule | {"for": lasting}


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    bare = LITERAL.sub(lambda found: "_" * len(found[0]), expr)
    for what, pattern, others in TURNED:
        for found in pattern.finditer(bare):
            for other in others(found):
                yield what, expr[: found.start()] + other + expr[found.end() :]
    for grouped in GROUPED.finditer(bare):
        labels = grouped[1].split(", ")
        for label in labels:
            left = ", ".join(other for other in labels if other != label)
            yield f"no {label}", expr[: grouped.start(1)] + left + expr[grouped.end(1) :]
    for found in MATCHERS.finditer(expr):
        yield "matcher", expr[: found.start()] + OTHER_MATCHER[found[0]] + expr[found.end() :]
