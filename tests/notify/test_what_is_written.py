"""The wordings and the bytes of a message: complete, escaped, and safe from what people call themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from services.notify.domain.letters import Letter
from services.notify.domain.wording import (
    FALLBACK,
    WORDINGS,
    NoWording,
    Wording,
    language_of,
    newest_version,
    wording,
)
from services.notify.mime import Content, Mailbox, compose, message_id, one_line
from services.notify.rendering import TEMPLATES, render

SHOP = Mailbox("Lampen Lindgren", "orders@shop.example")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ID = message_id("shopify:1001:order_confirmed", "shop.example")


def letter(row: Wording, **facts: str) -> Letter:
    """A letter with exactly the declared facts."""
    values = {name: f"the-{name}" for name in row.facts} | facts
    return Letter(row.template, row.version, row.language, "Ada Lindgren", "ada@example.com", values)


def parsed(content: Content, to: Mailbox, sender: Mailbox = SHOP) -> EmailMessage:
    return message_from_bytes(compose(ID, sender, to, content, NOON), policy=default)  # type: ignore[return-value]


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None, f"no {kind} part"
    return str(part.get_content())


@pytest.mark.parametrize("row", WORDINGS, ids=lambda row: row.stem)
def test_each_wording_is_complete_with_its_declared_facts(row: Wording) -> None:
    """Text and HTML both say every fact that matters, and the subject names the order."""
    content = render(letter(row))
    assert "the-order" in content.subject
    for name in row.facts - {"more", "tracking_url"}:
        assert f"the-{name}" in content.text
        assert f"the-{name}" in content.html
    assert content.text.startswith("Hello Ada Lindgren,\n")


@pytest.mark.parametrize(("row", "missing"), [(row, name) for row in WORDINGS for name in sorted(row.facts)])
def test_a_missing_fact_is_an_error_never_an_empty_space(row: Wording, missing: str) -> None:
    """Nobody gets a mail about a parcel with no number."""
    whole = letter(row)
    facts = {name: value for name, value in whole.facts.items() if name != missing}
    with pytest.raises(UndefinedError, match=missing):
        render(Letter(whole.template, whole.version, whole.locale, whole.name, whole.email, facts))


def test_every_template_belongs_to_a_wording() -> None:
    """No file lies around that nothing uses."""
    wanted = {f"{row.stem}.{part}" for row in WORDINGS for part in ("subject", "txt", "html")}
    assert {path.name for path in TEMPLATES.iterdir()} == wanted | {"layout.v1.html"}


def test_a_customer_without_a_name_is_greeted_without_one() -> None:
    """Not "Hello ,"."""
    content = render(
        Letter("refund_made", 1, "en", "", "a@b.example", {"shop": "S", "order": "1", "amount": "2"})
    )
    assert content.text.startswith("Hello,\n")
    assert "Hello," in content.html


def test_a_parcel_without_a_link_says_nothing_of_one() -> None:
    """A link to nowhere is worse than none."""
    (row,) = (row for row in WORDINGS if row.template == "parcel_dispatched")
    without = render(letter(row, tracking_url="", more=""))
    assert "follow it" not in without.text
    assert "<a " not in without.html
    assert (
        'href="https://t.example/?a=1&amp;b=2"'
        in render(letter(row, tracking_url="https://t.example/?a=1&b=2")).html
    )


@pytest.mark.parametrize(("units", "promised"), [("", False), ("3", True)])
def test_a_parcel_is_promised_only_where_one_will_come(units: str, promised: bool) -> None:
    """Who buys a download is not told of zero items and not asked to wait for a parcel."""
    row = wording("order_confirmed", newest_version("order_confirmed"), FALLBACK)
    content = render(letter(row, units=units))
    for form in (content.text, content.html):
        assert ("parcel" in form) is promised
        assert "the-total" in form


def test_the_same_letter_is_always_rendered_the_same() -> None:
    """A preview in ten years shows what was sent."""
    assert render(letter(WORDINGS[0])) == render(letter(WORDINGS[0]))


def test_what_a_name_contains_is_text_in_html() -> None:
    """A name is never markup."""
    name = "<script>alert(1)</script> & Söhne"
    content = render(
        Letter("refund_made", 1, "en", name, "a@b.example", {"shop": name, "order": "1", "amount": "2"})
    )
    assert "<script>" not in content.html
    assert "&lt;script&gt;" in content.html
    assert name in content.text


def test_another_language_falls_back_to_the_one_there_is() -> None:
    """The choice is a table: a new language is a row and three files."""
    assert wording("refund_made", 1, language_of("de-AT")).language == FALLBACK
    assert language_of("pt_BR") == "pt"


def test_a_version_this_release_does_not_have_is_not_guessed() -> None:
    """It waits for the release that knows it."""
    with pytest.raises(NoWording, match="refund_made v99"):
        wording("refund_made", 99, "en")


def test_the_message_has_a_text_and_an_html_part_that_say_what_was_rendered() -> None:
    """Every mail program finds the part it can show, letter by letter."""
    content = Content("Größe & Maß", "Grüße\nfrom Malmö", "<p>Grüße = 100 %</p>")
    message = parsed(content, Mailbox("Jörg Åström, Dr.", "joerg@bücher.example"))
    assert message["Subject"] == "Größe & Maß"
    assert message["To"] == '"Jörg Åström, Dr." <joerg@xn--bcher-kva.example>'
    assert message["From"] == "Lampen Lindgren <orders@shop.example>"
    assert message["Message-ID"] == f"<{ID}>"
    assert message["Date"] == "Sat, 21 Nov 2026 12:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert body(message, "plain").splitlines() == ["Grüße", "from Malmö"]
    assert body(message, "html").splitlines() == ["<p>Grüße = 100 %</p>"]
    assert message.defects == []


def test_the_bytes_of_a_message_fit_every_mail_system() -> None:
    """7-bit, CRLF only, lines of at most 78 characters (RFC 5322, 2.1.1); only a Message-ID cannot be folded."""
    content = Content("å" * 200, "x" * 5000 + "\nü", "<p>" + "y" * 5000 + "</p>")
    raw = compose(ID, SHOP, Mailbox("Å" * 2000, "ada@example.com"), content, NOON)
    first, *others = raw.split(b"\r\n")
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert first.startswith(b"Message-ID: ")
    assert max(map(len, others)) <= 78


HOSTILE = st.text(max_size=80) | st.sampled_from(
    [
        "Ada\r\nBcc: all@example.com",
        "Ada\nX-Evil: 1",
        "Ada\r\n\r\n<html>",
        "\u2028Bcc: x",
        "=?utf-8?q?a?=",
        "\x00\x85",
        '"\\',
    ]
)


@given(name=HOSTILE, subject=HOSTILE, shop=HOSTILE)
def test_nothing_anyone_is_called_adds_a_header(name: str, subject: str, shop: str) -> None:
    """Names come from the internet; the headers of a message are always the same eight."""
    message = parsed(
        Content(one_line(subject), name, name), Mailbox(name, "ada@example.com"), Mailbox(shop, SHOP.address)
    )
    assert message.keys() == [
        "Message-ID",
        "Date",
        "From",
        "To",
        "Subject",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ]
    assert [str(address.addr_spec) for address in message["To"].addresses] == ["ada@example.com"]
    assert len(list(message.iter_parts())) == 2


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_two_notifications_never_share_a_message_id(one: str, other: str) -> None:
    """It is the file name in a maildir: a clash would lose a message."""
    ids = message_id(one, "shop.example"), message_id(other, "shop.example")
    assert (ids[0] == ids[1]) == (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[0-9a-f]{32}@shop\.example", ids[0])
    assert len(ids[0].partition("@")[0]) <= 128
