"""Signs that people take for each other (Unicode TR 39, confusables)."""

from __future__ import annotations

DRAWN_LIKE = {
    "a": "аɑα",
    "b": "вβ",
    "c": "с",
    "d": "ԁđðɖ",
    "e": "еε",
    "g": "ԍɡց",
    "h": "һнհħ",
    "i": "іıι",
    "j": "јյ",
    "k": "кκ",
    "l": "ӏł",
    "m": "мμ",
    "n": "ηո",
    "o": "оοօø",
    "p": "рρ",
    "q": "ԛ",
    "s": "ѕ",
    "t": "тτŧ",
    "u": "υս",
    "v": "ѵν",
    "w": "ԝω",
    "x": "хχ",
    "y": "уүγ",
    "z": "ζ",
    "A": "АΑᎪꓮ",
    "B": "ВΒᏴꓐ",
    "C": "СᏟꓚ",
    "D": "ᎠꓓĐÐƉ",
    "E": "ЕΕᎬꓰ",
    "F": "ꓝ",
    "G": "ԌᏀꓖ",
    "H": "НΗᎻꓧĦ",
    "I": "ІΙӀᎥꓲ",
    "J": "ЈᎫꓙ",
    "K": "КΚᏦꓗ",
    "L": "ԼᏞꓡŁ",
    "M": "МΜᎷꓟ",
    "N": "Νꓠ",
    "O": "ОΟՕꓳØ",
    "P": "РΡᏢꓑ",
    "Q": "Ԛ",
    "R": "ᎡᏒꓣ",
    "S": "ЅՏᏚꓢ",
    "T": "ТΤᎢꓔŦ",
    "U": "Սꓴ",
    "V": "ѴᏙꓦ",
    "W": "ԜᎳꓪ",
    "X": "ХΧꓫ",
    "Y": "УҮΥᎩꓬ",
    "Z": "ΖᏃꓜ",
    "Γ": "Г",
    "Λ": "Л",
    "Π": "П",
    "Φ": "Ф",
    "π": "п",
    "φ": "ф",
    "-": "‐‑‒–—―−",
    "'": "’‘ʼʻʹ′`",
    "ي": "یى",
    "ك": "ک",
    "ه": "ہھە",
}
"""By sign, those that are drawn alike, mostly of other scripts; of small letters also those that are so in capitals, of
Arabic ones those that are so within a word or at its end.
"""
LOOKS_LIKE = {ord(other): letter for letter, others in DRAWN_LIKE.items() for other in others}
ALIKE = frozenset(
    {"LATIN", "GREEK", "CYRILLIC", "COPTIC", "ARMENIAN", "CHEROKEE", "LISU", "CANADIAN", "DESERET"}
)
"""Scripts with letters that are drawn alike, by the first word of the letters' names. A word of two of them is made to
be taken for another.
"""
OF_BOTH = frozenset("βθλμχ")
"""Greek letters that languages written in Latin ones have, too."""
