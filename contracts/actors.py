"""Names of those who do something: which can be told apart by eye at all, and which are one and the same."""

from __future__ import annotations

import re
import unicodedata

UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Drawn as nothing, without being of Unicode's category Cf (DerivedCoreProperties, Default_Ignorable_Code_Point)."""
LOOKS_LIKE = str.maketrans(
    "аеорсухіјѕһԁԛԝвкмнтѵԍɡɑıαοιρυνκχγωβτεημօսոհյց",
    "aeopcyxijshdqwbkmhtvggaiaoipuvkxywbtenmounhjg",
)
"""Small letters that are drawn like a Latin one, or are in capitals (Unicode TR 39, confusables)."""
JOINED = re.compile("(?<=[\u0600-\u18af])[\u200c\u200d](?=[\u0600-\u18af])")
"""Where scripts that join their letters, Arabic to Mongolian, say whether two are (Unicode UAX 31, 2.3)."""

VOICED = "\u3099\u309a"
"""What makes `ga` of `ka` in Japanese."""


def is_name(text: str) -> bool:
    """Whether people can read it: there is a letter or a digit, and nothing that has no shape or turns the writing."""
    return any(sign.isalnum() for sign in text) and not any(map(_is_shapeless, JOINED.sub("", text)))


def plain(name: str) -> str:
    """The same for all spellings of one name: capitals, spaces, composed or not, full width, unseen signs, accents,
    letters of another script that look the same. No one's name: only to compare.
    """
    composed = unicodedata.normalize("NFKC", "".join(sign for sign in name if not _is_unseen(sign)))
    folded = unicodedata.normalize("NFKD", composed.casefold())
    return " ".join("".join(sign for sign in folded if not _is_accent(sign)).translate(LOOKS_LIKE).split())


def _is_accent(sign: str) -> bool:
    """A mark that any letter may have. Those that make another letter, as in Hindi or Japanese, make another name."""
    return unicodedata.name(sign, "").startswith("COMBINING ") and sign not in VOICED


def _is_shapeless(sign: str) -> bool:
    return _is_unseen(sign) or unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Co", "Cs")


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) == "Cf" or UNSEEN.match(sign) is not None
