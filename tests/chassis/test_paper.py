"""What we print: any name in letters that are in the document, and the same bytes whoever else is drawing."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from chassis.paper import A4, Paper
from chassis.typeface import BOLD, UNKNOWN, Printable, Style, fitting, printable, width, wrapped
from tests.spec import NOON

PLAIN = Style(10)
NAMES = (
    "Søren Ångström",
    "Zażółć Gęślą-Jaźń",
    "Ελένη Παπαδοπούλου",
    "Фёдор Щукин",
    "Nguyễn Thị Hạnh",
    "Żółw, Ștefan & İpek ğ",
)


def drawn(*texts: str, style: Style = PLAIN) -> bytes:
    paper = Paper(A4, title="A page", author="Tests", made=NOON)
    for at, text in enumerate(texts, 1):
        paper.text(50, 20.0 * at, text, style)
    return paper.pdf()


def text_of(document: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_printed_as_it_is_written(name: str) -> None:
    """And can be searched for and copied out of the document."""
    assert printable(name) == Printable(name)
    assert name in text_of(drawn(name))


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("გიორგი", "giorgi"),
        ("東京", "DongJing"),
        ("שלום", "slvm"),
        ("Lamp 😀", "Lamp :grinning:"),
        ("a\U0010fffdb", f"a{UNKNOWN}b"),
        ("e\u0326\u0353", "e"),
    ],
)
def test_letters_that_the_typeface_lacks_are_spelled_in_others_and_it_is_said(
    written: str, printed: str
) -> None:
    """A name that can be read aloud instead of a row of empty boxes; nobody takes it for the original."""
    assert printable(written) == Printable(printed, respelled=True)
    paper = Paper(A4, title="A page", author="Tests", made=NOON)
    paper.text(50, 50, "Anna Berg", PLAIN)
    assert not paper.respelled
    paper.text(50, 70, written, PLAIN)
    assert paper.respelled


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("e\u0301", "é"),
        ("one\ntwo\tthree", "one two three"),
        ("so\u00adft\u200d", "soft"),
        ("19\u202f%", "19 %"),
    ],
)
def test_what_nobody_sees_changes_no_letter(written: str, printed: str) -> None:
    """Accents are joined to their letters, joiners go, every space is a space."""
    assert printable(written) == Printable(printed)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_printed_and_broken_into_lines(text: str) -> None:
    """Whatever a customer's name is: no failure, no letter without a glyph, no line beyond its room."""
    said = printable(text).text
    assert all(printable(sign) == Printable(sign) for sign in said)
    assert all(width(line, PLAIN) <= 60 for line in wrapped(text, PLAIN, 60) if len(line) > 1)
    assert drawn(text).startswith(b"%PDF-")


def test_lines_break_between_words_and_inside_a_word_that_is_too_long() -> None:
    """Nothing is lost, whatever has to be broken."""
    assert wrapped("one two  three", PLAIN, 45) == ["one two", "three"]
    long = wrapped("W" * 30, PLAIN, 50)
    assert len(long) > 1
    assert "".join(long) == "W" * 30
    assert wrapped(" ", PLAIN, 50) == []


def test_text_that_is_too_long_is_set_smaller() -> None:
    """And text that fits stays as it is."""
    small = fitting("W" * 30, PLAIN, 100)
    assert width("W" * 30, small) == pytest.approx(100)
    assert fitting("W", PLAIN, 100) == PLAIN


def test_every_font_is_in_the_document() -> None:
    """A reader, or an archive in ten years, needs nothing else to show it."""
    paper = Paper(A4, title="A page", author="Tests", made=NOON)
    paper.text(50, 50, NAMES[1], PLAIN)
    paper.text(50, 70, NAMES[3], Style(20, BOLD))
    (page,) = PdfReader(io.BytesIO(paper.pdf())).pages
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert len(fonts) >= 2
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)


def test_the_same_strokes_are_the_same_bytes_also_when_many_draw_at_once() -> None:
    """Two invoices asked for at the same time must not take each other's letters."""
    pages = [[f"{name} {n}" for name in NAMES[n % 6 :]] for n in range(24)]
    alone = [drawn(*texts) for texts in pages]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda texts: drawn(*texts), pages)) == alone
    assert len(set(alone)) == len(alone)


def test_a_document_carries_the_date_it_was_given() -> None:
    """Not the day on which somebody looked at it."""
    paper = Paper(A4, title="A page", author="Tests", made=NOON - timedelta(days=30))
    found = PdfReader(io.BytesIO(paper.pdf())).metadata
    assert found is not None
    assert (found.title, found.creation_date) == ("A page", NOON - timedelta(days=30))
