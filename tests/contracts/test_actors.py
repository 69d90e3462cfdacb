"""Two spellings of a name are one person; what cannot be read is nobody's name."""

from __future__ import annotations

import unicodedata

import pytest

from contracts.actors import is_name
from contracts.lookalikes import DRAWN_LIKE, LOOKS_LIKE
from contracts.second_person import same_person

ONE_PERSON = {
    "capitals": ("Ada Byron", "ADA BYRON"),
    "spaces": ("Ada Byron", "  Ada   Byron "),
    "a space that does not break": ("Ada Byron", "Ada\u00a0Byron"),
    "composed or not": ("José Müller", unicodedata.normalize("NFD", "José Müller")),
    "a space of no width": ("ada", "a\u200bda"),
    "a soft hyphen": ("ada", "ad\u00ada"),
    "a word joiner": ("ada", "ada\u2060"),
    "a variation selector": ("ada", "ada\ufe0f"),
    "a filler": ("ada", "ada\u3164"),
    "a blank in Braille": ("ada", "ada\u2800"),
    "a joiner of graphemes": ("ada", "a\u034fda"),
    "full width": ("ada", "ａｄａ"),
    "turned the other way": ("ada", "\u202eada"),
    "a Cyrillic letter": ("ada", "аda"),
    "all Cyrillic": ("Mopc", "Морс"),
    "a Greek letter": ("Otto", "Οttο"),
    "sharp s": ("Strauß", "STRAUSS"),
    "a ligature": ("Steffi", "Steﬃ"),
    "an accent": ("Jose", "José"),
    "a mark that nothing is composed with": ("ada", "a\u0329da"),
    "a dot above": ("ida", "İda"),
    "no dot above": ("ida", "ıda"),
    "a letter of phonetics": ("ada", "ɑda"),
    "an Armenian letter": ("otto", "օtto"),
    "joined or not": ("علیرضا", "علی\u200cرضا"),
    "bold": ("ada", "𝐚𝐝𝐚"),
    "a Greek capital": ("Nina", "\u039dina"),
    "an apostrophe": ("O'Brien", "O\u2019Brien"),
    "a letter that is an apostrophe": ("O'Brien", "O\u02bcBrien"),
    "a hyphen": ("Anna-Maria", "Anna\u2010Maria"),
    "a hyphen that does not break": ("Anna-Maria", "Anna\u2011Maria"),
    "a minus": ("Anna-Maria", "Anna\u2212Maria"),
    "Greek and Cyrillic": ("Галя", "\u0393аля"),
    "a Cyrillic letter that only Greek has besides": ("Павел", "\u03a0авел"),
    "two letters with a stroke": ("Đinh", "\u00d0inh"),
    "digits of another script": ("علی ۱", "علی ١"),
    "all Greek capitals": ("Nina", "ΝΙΝΑ"),
    "Greek small and capital": ("Νίκος", "ΝΙΚΟΣ"),
    "a Cyrillic capital": ("Yuri", "\u04aeuri"),
    "a Cherokee letter": ("Anna", "\u13aanna"),
    "a Lisu letter": ("Anna", "\ua4eenna"),
    "a letter with a stroke": ("Łukasz", "Lukasz"),
    "vowels of Arabic": ("محمد", "مُحمد"),
    "an Arabic word that is stretched": ("محمد", "محـمد"),
    "a letter of Persian": ("علي", "علی"),
    "vowels of Hebrew": ("שלום", "שָׁלוֹם"),
    "a circle around": ("otto", "otto\u20dd"),
}
UNREADABLE = [
    "",
    " ",
    "\u200b",
    " \u200b ",
    "...",
    "ada\u200b",
    "ada\u202e",
    "a\u200cda",
    "ada\u200d",
    "\u200cعلی",
    "a\nda",
    "a\x00da",
    "ada\ufe0f",
    "\u3164",
    "ada\u2065",
    "ada\ufff0",
    "\u039dina",
    "\u0393аля",
    "ad\u0430",
    "Ada \u0412yron",
    "\ua4eenna",
]


@pytest.mark.parametrize("spellings", ONE_PERSON)
def test_spellings_of_a_name_are_one_person(spellings: str) -> None:
    one, other = ONE_PERSON[spellings]
    assert one != other
    assert same_person(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "adam"),
        ("ada", "a da"),
        ("Ada 1", "Ada 2"),
        ("李", "王"),
        ("José", "Josa"),
        ("नीता", "नेता"),
        ("かな", "がな"),
        ("たかた", "たかだ"),
        ("\uff8a", "\uff8a\uff9f"),
        ("Ναν", "Νιν"),
    ],
)
def test_different_names_are_two_people(one: str, other: str) -> None:
    assert not same_person(one, other)


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_nobody_can_read_is_no_name(text: str) -> None:
    assert not is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "José Müller",
        "李小龍",
        "Ольга",
        "o'neil@shop.example",
        "7",
        "d\u2019Arc",
        "علی\u200cرضا",
        "क\u094d\u200dष",
        "മോഹന\u0d4d\u200d",
        "田中Taro",
        "ユーザーA",
        "佐々木Taro",
        "王〇A",
        "พนักงานA",
        "علیA",
        "xʷməθkʷəy̓əm",
        "µServices",
        "Kaʻiulani",
        "Анна K.",
        "team-β",
    ],
)
def test_names_of_the_world_are_names(text: str) -> None:
    assert is_name(text)


def test_a_letter_looks_like_one_other_and_that_like_none() -> None:
    """Otherwise it would depend on the order which it is taken for."""
    assert sum(map(len, DRAWN_LIKE.values())) == len(LOOKS_LIKE)
    assert set(LOOKS_LIKE).isdisjoint(map(ord, DRAWN_LIKE))


@pytest.mark.parametrize("letter", [letter for letter in DRAWN_LIKE if letter.isascii()])
def test_each_letter_that_looks_like_a_latin_one_makes_no_second_person(letter: str) -> None:
    for other in DRAWN_LIKE[letter]:
        assert same_person(f"{letter}7", f"{other}7"), unicodedata.name(other)
