"""Names of those who do something: which can be told apart by eye at all, and which are one and the same."""

from __future__ import annotations

import re
import unicodedata

from contracts.lookalikes import ALIKE, LOOKS_LIKE, OF_BOTH

UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Drawn as nothing, without being of Unicode's category Cf (DerivedCoreProperties, Default_Ignorable_Code_Point)."""
JOINED = re.compile("(?<=[\u0600-\u18af])[\u200c\u200d](?=[\u0600-\u18af])|(?<=\u0d4d)\u200d")
"""Where scripts that join their letters, Arabic to Mongolian, say whether two are (Unicode UAX 31, 2.3), and
Malayalam's consonants that end a word.
"""
NAME_RULE = "a name has a letter or a digit, nothing unseen, and no word that mixes scripts which look alike"
VOICED = "\u3099\u309a"
"""What makes `ga` of `ka` in Japanese."""
OPTIONAL = re.compile("COMBINING |ARABIC |HEBREW |SYRIAC ")
"""Marks that any letter may have, or that are left out as one likes. Others make another letter, as in Hindi."""
WORD = re.compile(r"[^\W\d_]+")


def is_name(text: str) -> bool:
    """Whether people can read it and tell it from others': `NAME_RULE`."""
    return (
        any(sign.isalnum() for sign in text)
        and not any(map(_is_shapeless, JOINED.sub("", text)))
        and not any(map(_is_mixed, WORD.findall(_composed(text))))
    )


def same_name(one: str, other: str) -> bool:
    """Whether two are one for the eye: whatever their capitals, spaces, accents and unseen signs, composed or not, and
    with letters of another script that look the same.
    """
    return not _looks(one).isdisjoint(_looks(other))


def _looks(name: str) -> frozenset[str]:
    """What it may be taken for, by its letters as they are written (`\u039dina`), and by its small ones."""
    composed = _composed(name)
    return frozenset(map(_plain, (composed.translate(LOOKS_LIKE).casefold(), composed.casefold())))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFKC", "".join(sign for sign in name if not _is_unseen(sign)))


def _plain(small: str) -> str:
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", small) if not _is_accent(sign))
    return " ".join("".join(map(_digit, letters.translate(LOOKS_LIKE))).split())


def _digit(sign: str) -> str:
    """One of whatever script, as ours."""
    return str(unicodedata.decimal(sign)) if sign.isdecimal() else sign


def _is_mixed(word: str) -> bool:
    scripts = {unicodedata.name(sign, "").partition(" ")[0] for sign in word if sign not in OF_BOTH}
    return len(scripts & ALIKE) > 1


def _is_accent(sign: str) -> bool:
    """A mark that makes no other name; the stretch of Arabic words is one."""
    is_mark = unicodedata.category(sign).startswith("M") or sign == "\u0640"
    return is_mark and OPTIONAL.match(unicodedata.name(sign, "")) is not None and sign not in VOICED


def _is_shapeless(sign: str) -> bool:
    return _is_unseen(sign) or unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cn", "Co", "Cs")


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) == "Cf" or UNSEEN.match(sign) is not None
