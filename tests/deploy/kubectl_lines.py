"""Commands for a cluster as a page has them, cut out of the shell around them, and what they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""Unlike `sh`, which `tests/ops/test_runbooks.py` follows on one machine."""
WITHIN = re.compile(r"\$\(([^()]*)\)")
BRACES = re.compile(r"(.*)\{([\w-]+(?:,[\w-]+)+)\}(.*)")
PUNCTUATION = set("();<>|&")
BEFORE_A_COMMAND = {"{", "}", "do", "done"}
WITH_A_VALUE = {"-n", "-l", "-c", "-o", "-p", "-k", "--type"}
"""Options of kubectl whose value is the next word; whether it has an option at all it is asked itself."""
OF_TWO_WORDS = {"rollout", "set"}
ABOUT_ONE_POD = {"exec", "logs", "port-forward"}
ABOUT_NO_OBJECT = {"apply", "cordon"}
KINDS = {
    "clusters.postgresql.cnpg.io": "Cluster",
    "deployment": "Deployment",
    "job": "Job",
    "jobs": "Job",
    "pod": "Pod",
    "pods": "Pod",
    "pvc": "PersistentVolumeClaim",
    "secret": "Secret",
    "service": "Service",
    "statefulset": "StatefulSet",
}

type Words = tuple[str, ...]


def commands_in(page: str) -> Iterator[Words]:
    """Every simple command of a page's blocks for a cluster, with the words of its braces spelled out."""
    for block in BLOCK.findall(page):
        yield from simple(block)


def simple(text: str) -> Iterator[Words]:
    """The simple commands of some lines of shell; one within another stands before it."""
    for inner in WITHIN.findall(text):
        yield from simple(inner)
    for line in WITHIN.sub("$IT", text.replace("\\\n", " ")).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list[str]()
        for word in (*lexer, ";"):
            if not set(word) <= PUNCTUATION:
                words += spelled_out(word)
                continue
            while words and words[0] in BEFORE_A_COMMAND:
                del words[0]
            if words and word != "()":
                yield tuple(words)
            words.clear()


def spelled_out(word: str) -> list[str]:
    """`deployment/{orders,page}` as a shell reads it."""
    found = BRACES.fullmatch(word)
    return [f"{found[1]}{one}{found[3]}" for one in found[2].split(",")] if found else [word]


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A command of kubectl: its verb, the value of each option, and what it is given; `inside` runs in a container."""

    verb: str
    options: dict[str, str]
    given: Words
    inside: Words

    @classmethod
    def read(cls, words: Words) -> Self:
        """The words behind `kubectl`."""
        outside, inside = _parted(words)
        options = {one: value for one, value in pairwise(outside) if one in WITH_A_VALUE}
        values = {at + 1 for at, word in enumerate(outside) if word in WITH_A_VALUE}
        verb, *given = [
            word for at, word in enumerate(outside) if at not in values and not word.startswith("-")
        ]
        if verb in OF_TWO_WORDS:
            verb = f"{verb} {given.pop(0)}"
        return cls(verb, options, tuple(given), inside)

    @property
    def objects(self) -> list[tuple[str, str]]:
        """(kind, name) of each object; no name where all of a kind are meant. Raises `KeyError` for a strange kind."""
        if self.verb in ABOUT_NO_OBJECT or not self.given:
            return []
        if "/" in self.given[0]:
            named = self.given[:1] if self.verb in ABOUT_ONE_POD else _objects_only(self.given)
            return [(KINDS[kind], name) for kind, _, name in (each.partition("/") for each in named)]
        if self.verb in ABOUT_ONE_POD:
            return [("Pod", self.given[0])]
        kind, *names = _objects_only(self.given)
        return [(KINDS[kind], name) for name in names or ("",)]

    @property
    def selector(self) -> dict[str, str]:
        """The labels it looks for."""
        return dict(label.split("=") for label in self.options.get("-l", "").split(",") if label)


def _parted(words: Words) -> tuple[Words, Words]:
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _objects_only(given: Sequence[str]) -> list[str]:
    """Without the annotation that `annotate` sets."""
    return [word for word in given if "=" not in word]
