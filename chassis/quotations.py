"""What somebody else says about a person, such as a refusal or a fault: kept and logged without the person.

Carriers, gateways and mail servers quote what they were given, seldom as it was given: in capitals, without accents,
percent-encoded, a part of it. Whatever they say stays for ever in an event or a log, where no key can take it away. So
each word of the person is left out in every form, what may be one that was mangled (`likeness.py`), and each e-mail
address whoever's it is.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from chassis.likeness import Likeness
from contracts.personal import personal_texts

LEFT_OUT = "..."
WORD_MIN = 3
"""A shorter word tells nobody apart, and stands in every other text."""
ADDRESS = re.compile(
    r"\w[\w.!#$&'*+/?^`{|}~%=-]{0,63}(?:@|%40|=40|\\u0040)[^\W_][\w-]*(?:\.[\w-]+)+", re.IGNORECASE
)
"""A local part has 64 characters at most (RFC 5321, 4.5.3.1.1): a long text without one is read in linear time."""
WORD = re.compile(r"[^\W_]+")
UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "o", "ł": "l"}
)
BEGINS = r"(?:(?<![^\W_])|(?<=%[0-9a-f]{2})|(?<=\\u[0-9a-f]{4}))"
ENDS = r"(?![^\W_])"
LAST_WORD = re.compile(rf"(?<![^\W_])[^\W_]{{{WORD_MIN},}}$")
TEXT_MAX = 4_000
"""Longer answers are cut: each piece is read in many ways, while the service waits."""
SEVERAL = re.compile(r"\.\.\.(?:[\s,;+]*\.\.\.)+")


class Unanswered(Exception):
    """A call without an answer. The text is what was raised, without what it quotes of a person."""

    def __repr__(self) -> str:
        """The text alone, which says already what was raised."""
        return str(self)


def without_addresses(text: str, keep: Collection[str] = ()) -> str:
    """The text without e-mail addresses, other than those to `keep`: our own."""
    kept = {address.lower() for address in keep}

    def left_out(found: re.Match[str]) -> str:
        return found[0] if found[0].lower() in kept else LEFT_OUT

    return ADDRESS.sub(left_out, text)


def without_personal(text: str, value: Any, keep: Collection[str] = ()) -> str:
    """The text without what it quotes of the person in `value`, and without e-mail addresses but those to `keep`.

    Of a text that is longer than `TEXT_MAX` the beginning.
    """
    whole = without_addresses(text, keep)
    forms = _forms_of(value)
    text = _without_forms(whole[:TEXT_MAX], forms)
    alike = Likeness.of([*personal_texts(value)])
    text = alike.leave_out(_without_a_cut_word(text, forms), LEFT_OUT, frozenset(map(str.lower, keep)))
    return SEVERAL.sub(LEFT_OUT, text if len(whole) <= TEXT_MAX else text + LEFT_OUT)


def link_without_personal(url: str, value: Any) -> str:
    """A link without the parameters that quote the person in `value`: it asks for them, or does without.

    Empty where its path quotes them too. Words and numbers count whole: a part of one may be a tracking number's.
    """
    forms = _forms_of(value)

    def quotes(text: str) -> bool:
        return _without_forms(without_addresses(text), forms) != text

    if not quotes(url):
        return url
    parts = urlsplit(url)
    if any(map(quotes, (parts.path, parts.fragment))):
        return ""
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, text) for name, text in asked if not quotes(text)]
    return urlunsplit(parts._replace(query=urlencode(kept))) if kept != asked else url


@contextmanager
def quoting_nobody(value: Any = None, keep: Collection[str] = ()) -> Iterator[None]:
    """Whatever is raised inside quotes nobody: `Unanswered` takes its place where it does."""
    try:
        yield
    except Exception as fault:
        said = repr(fault)
        left = without_personal(said, value, keep)
        if left == said:
            raise
        raise Unanswered(left) from None


def _forms_of(value: Any) -> set[str]:
    return {form.lower() for word in _words(personal_texts(value)) for form in _forms(word)}


def _without_forms(text: str, forms: set[str]) -> str:
    lowered = text.lower()
    said = sorted((form for form in forms if form in lowered), key=len, reverse=True)
    if not said:
        return text
    quoted = re.compile(f"{BEGINS}(?:{'|'.join(map(re.escape, said))}){ENDS}", re.IGNORECASE)
    return quoted.sub(LEFT_OUT, text)


def _without_a_cut_word(text: str, forms: Iterable[str]) -> str:
    """Whoever bounds what is kept of an answer may have cut the last word off in its middle."""
    last = LAST_WORD.search(text)
    if last is None or not any(form.startswith(last[0].lower()) for form in forms):
        return text
    return text[: last.start()] + LEFT_OUT


def _words(texts: Iterable[str]) -> Iterator[str]:
    """Each text and each word of it. Of an e-mail address the words before the @: others have the domain, too."""
    for text in texts:
        yield text
        yield from (word for word in WORD.findall(text.partition("@")[0]) if len(word) >= WORD_MIN)


def _forms(text: str) -> Iterator[str]:
    """A text as others write it."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for form in {text, text.upper(), text.casefold(), text.translate(UMLAUTS), plain, plain.casefold()}:
        yield from (form, quote(form), quote_plus(form), json.dumps(form)[1:-1])
