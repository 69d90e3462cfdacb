"""Whether a piece of text may be a person's words as somebody else mangled them: in the wrong encoding, glued, cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice

from chassis.readings import readings

PIECE = re.compile(r"[^\s\"'(){}\[\],<>|:]+")
"""What is looked at as one, and left out as one. No pieces are made at signs that escapes are made of."""
RUN = 4
"""So many letters in a row are enough to be known by, in what was mangled."""
GLUED_MIN, CUT_MIN, DIGITS_MIN = 5, 7, 7
"""In plain text: a whole word of so many letters within another one; of a longer one its beginning or end; so many
digits.
"""
GAP = 3
"""An unreadable sign stands for so many letters at most, as an umlaut that is spelled as two."""
QUOTED_PRINTABLE = re.compile("=[0-9a-f]{2}")
UNREADABLE = "\ufffd"
MANGLED = re.compile(r"[^\x00-\x7f]|[%&=\\?#;~^]")
"""Signs that something was done to the letters beside them. Plain words share four letters with anybody's."""
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
WORDS_MAX = 500
"""Different words: for each the others' text is searched. Two addresses, a name and a number have some fifty."""
HYPHENS = re.compile(r"[-_./]+")


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a person is known by. `runs`: of letters and digits; `words`: plain; `short`: as they are written."""

    runs: frozenset[str]
    words: frozenset[str]
    short: frozenset[str]

    @classmethod
    def of(cls, texts: Collection[str]) -> Likeness:
        """Of personal texts. Of an e-mail address what stands before the @: others have the domain, too. Of a telephone
        number its digits without what stands between them.
        """
        found = (word for text in texts for word in re.findall(r"[^\W_]+", text.partition("@")[0]))
        written = dict.fromkeys(found)
        whole = dict.fromkeys(plain for word in written for plain in _spelled(word) if len(plain) > 2)
        words = frozenset(islice(whole, WORDS_MAX))
        numbers = ("".join(filter(str.isdecimal, text)) for text in texts if not any(map(str.isalpha, text)))
        words |= {number for number in numbers if len(number) >= DIGITS_MIN}
        short = frozenset(
            islice((word.lower() for word in written if len(word) < 3 and not word.isdecimal()), WORDS_MAX)
        )
        return cls(frozenset(chain.from_iterable(map(_runs, words))), words, short)

    def leave_out(self, text: str, left_out: str, keep: frozenset[str]) -> str:
        """The text without pieces that may be the person's, other than those to `keep`."""
        if not (self.words or self.short):
            return text
        return PIECE.sub(
            lambda piece: piece[0] if piece[0].lower() in keep or not self.is_in(piece[0]) else left_out, text
        )

    def is_in(self, piece: str) -> bool:
        """Whether one of its readings has a run of their letters, or is a word of theirs but for what is unreadable."""
        if piece != piece.lower() and piece.strip(".!?;").lower() in self.short:
            return True
        is_mangled = MANGLED.search(piece.strip(".,!?;")) is not None
        return any(self._is_said(reading, is_mangled) for reading in _all_readings(piece))

    def _is_said(self, reading: str, is_mangled: bool) -> bool:
        if any(word in reading for word in self.short if not word.isascii()):
            return True
        if any(self._is_glued(plain) for plain in _spelled(reading)):
            return True
        if not is_mangled:
            return False
        if any(not self.runs.isdisjoint(_runs(plain)) for plain in _spelled(reading)):
            return True
        return any(self._fits(part) for part in HYPHENS.split(reading))

    def _is_glued(self, plain: str) -> bool:
        """Whether a long word of theirs, or nearly all of it, stands in plain letters."""
        return any(cut in plain for word in self.words for cut in _long_parts(word))

    def _fits(self, part: str) -> bool:
        known = re.findall("[a-z0-9]+", part)
        if (len(known) < 2 and (not known or known[0] == part)) or len("".join(known)) < 2:
            return False
        return any(_stands_for(part, word) for word in self.words)


_KNOWN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def _stands_for(part: str, word: str) -> bool:
    """Whether it is the word but for what is unreadable: each such sign stands for up to `GAP` letters.

    By the places in the word where one may be after each sign, so that signs in a row cost no more than others.
    """
    places = {0}
    for sign in part:
        if sign in _KNOWN:
            places = {place + 1 for place in places if word[place : place + 1] == sign}
        else:
            places = {after for place in places for after in range(place, min(place + GAP, len(word)) + 1)}
        if not places:
            return False
    return len(word) in places


def _all_readings(piece: str) -> Iterator[str]:
    """Small letters. Also as UTF-8 that was taken for something else, and with what a mail has for it unreadable."""
    for reading in readings(piece):
        yield reading
        if "=" in reading:
            yield QUOTED_PRINTABLE.sub(UNREADABLE, reading)
    for encoding in ("latin-1", "cp1252"):
        with suppress(UnicodeEncodeError):
            repaired = piece.encode(encoding).decode(errors="replace").lower()
            if repaired != piece.lower():
                yield repaired


def _spelled(word: str) -> Iterator[str]:
    """Letters and digits alone, without accents, umlauts as one letter and as two."""
    folded = unicodedata.normalize("NFC", word).casefold()
    for spelling in {folded, folded.translate(UMLAUTS)}:
        yield "".join(filter(str.isalnum, unicodedata.normalize("NFKD", spelling)))


def _long_parts(word: str) -> Iterator[str]:
    """Of letters the whole word or its ends, if it is long enough to be in no other; of digits any run that is."""
    if word.isdecimal():
        yield from (word[start : start + DIGITS_MIN] for start in range(len(word) - DIGITS_MIN + 1))
    elif len(word) >= GLUED_MIN:
        yield from (word[:CUT_MIN], word[-CUT_MIN:])


def _runs(plain: str) -> Iterator[str]:
    return (plain[start : start + RUN] for start in range(len(plain) - RUN + 1))
