"""What others say of a person is kept without the person, however they write it."""

from __future__ import annotations

import json
import unicodedata
from urllib.parse import quote

import pytest

from chassis.declare import Message
from chassis.likeness import WORDS_MAX, Likeness
from chassis.parking import park
from chassis.quotations import (
    Unanswered,
    link_without_personal,
    quoting_nobody,
    without_addresses,
    without_personal,
)
from contracts.address import Address, Recipient
from tests.spec import NOON

ADA = Address(
    name="Ada Müller-Løvelace",
    company="Analytical Engines GmbH",
    line1="Lindenstraße 9",
    city="Köln",
    postcode="50667",
    country="DE",
    region="NW",
    phone="+49 221 5550199",
)
REACHED = Recipient(name="Ada Lovelace", email="Ada.Lovelace@Canary.example")


def test_what_a_carrier_quotes_of_a_person_is_left_out() -> None:
    """Its refusal is kept for ever; the street in it is not. Short words tell nobody apart."""
    said = "no street Lindenstraße 9 for Ada in DE; see as well"
    assert without_personal(said, ADA) == "no street ... for ... in DE; see as well"


@pytest.mark.parametrize(
    "said",
    [
        "LINDENSTRASSE 9, KÖLN",
        "lindenstraße 9, köln",
        "Lindenstrasse, Koeln",
        "LINDENSTRASSE; KOLN",
        "ada müller",
        "MUELLER-LOVELACE",
        "Muller",
        quote("Lindenstraße 9"),
        "city=K%C3%B6ln&name=Ada+M%C3%BCller",
        json.dumps("Lindenstraße Köln"),
        "tel:5550199",
        "Analytical",
        "50667",
    ],
)
def test_it_is_left_out_in_whatever_form(said: str) -> None:
    """In capitals, without accents, encoded, or a part of it."""
    left = without_personal(f"refused: {said} (code 17)", ADA)
    assert left.startswith("refused:")
    assert left.endswith("(code 17)")
    for word in ("linden", "lln", "ln", "ller", "ada", "velace", "5550199", "alytical", "50667"):
        assert word not in left.lower(), left


JUERGEN = Address(
    name="Jürgen Müßig-Qzkän",
    line1="Überlinger Straße 12",
    city="Straßburg",
    postcode="88662",
    country="DE",
    phone="+49 (170) 1234-567",
)
MANGLED = {
    "UTF-8 read as Latin-1": "JÃ¼rgen MÃ¼Ãig-QzkÃ¤n",
    "UTF-8 read as Windows-1252": "JÃ¼rgen MÃ¼ÃŸig-QzkÃ¤n",
    "marks for what is no ASCII": "J?rgen M??ig-Qzk?n",
    "replaced": "J\ufffdrgen M\ufffd\ufffdig-Qzk\ufffdn",
    "HTML": "J&#252;rgen M&#xfc;&szlig;ig-Qzk&auml;n",
    "decomposed": unicodedata.normalize("NFD", "Jürgen Müßig-Qzkän"),
    "quoted-printable": "J=C3=BCrgen M=C3=BC=C3=9Fig-Qzk=C3=A4n",
    "an encoded word": "=?utf-8?q?J=C3=BCrgen_M=C3=BC=C3=9Fig-Qzk=C3=A4n?=",
    "per cent, Latin-1": "J%FCrgen+M%FC%DFig-Qzk%E4n",
    "escaped twice": "J\\\\u00fcrgen M\\\\u00fc\\\\u00dfig-Qzk\\\\u00e4n",
    "glued": "JürgenMüßigQzkän 88662Straßburg",
    "cut in the middle": "Jürg Müßi Qzkä Überling",
    "without vowels' marks": "Jurgen Mussig Qzkan",
    "a telephone as digits": "+491701234567",
    "a telephone as it is dialled": "01701234567",
}


@pytest.mark.parametrize("mangling", MANGLED)
def test_it_is_left_out_however_it_was_mangled(mangling: str) -> None:
    """As systems do that know one alphabet, or another encoding. What they say beside stays."""
    left = without_personal(f"receiver {MANGLED[mangling]} not deliverable (code 17)", JUERGEN)
    assert left == "receiver ... not deliverable (code 17)"


@pytest.mark.parametrize(
    "said",
    [
        "Authentication failed: registration suspended, the parcel's weight exceeds 31500 g",
        "ConnectionRefusedError(111, 'Connection refused')",
        "insufficient_funds: payment unavailable for shipment 1506699",
    ],
)
@pytest.mark.parametrize(
    "person",
    [
        Address(
            name="Marcel Wright", line1="12 Station Road", postcode="50667", country="GB", phone="0150 667 2"
        ),
        Address(
            name="Clement Constable", line1="3 Bahnhofstraße", city="Unna", postcode="06672", country="DE"
        ),
    ],
    ids=lambda person: person.name,
)
def test_what_only_shares_some_letters_with_a_person_stays(person: Address, said: str) -> None:
    """An operator has to understand what is wrong."""
    assert without_personal(said, person) == said


def test_short_names_are_left_out_where_they_are_written_as_names() -> None:
    """`is` is no name, `Is` may be one."""
    person = Recipient(name="Li Wu")
    assert without_personal("no Li WU in li, see 李", person) == "no ... in li, see 李"
    assert without_personal("no 李 here", Recipient(name="李 明")) == "no ... here"


def test_a_word_that_was_cut_off_is_left_out_as_well() -> None:
    """Of a long answer only the beginning is kept, wherever that ends."""
    assert without_personal("unknown street: LINDENSTR", ADA) == "unknown street: ..."
    assert without_personal("is the house in Lo", ADA) == "is the house in Lo"


@pytest.mark.parametrize(
    "said",
    [
        "<ada.lovelace@canary.example>: unknown",
        "ADA.LOVELACE@CANARY.EXAMPLE",
        "ada.lovelace%40canary.example",
        "mailbox ada.lovelace is full",
        "to somebody.else@other.example",
        "'jürgen.lovelace@münchen.example'",
        "mailto:lovelace+x@other.example",
    ],
)
def test_no_address_stays_whosever_it_is(said: str) -> None:
    """A gateway may know the customer by another one than we told it."""
    left = without_personal(said, REACHED).lower()
    assert "lovelace" not in left
    assert "@" not in left


def test_our_own_address_stays() -> None:
    """Whoever has to mend a refused sender must read which one it is; an id of a message is no address either."""
    said = "550 <orders@shop.example>: sender refused, relay for ada@canary.example denied"
    assert without_addresses(said, ("orders@shop.example",)) == (
        "550 <orders@shop.example>: sender refused, relay for ... denied"
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a" * 200_000, "a." * 100_000, "a@" + "b." * 100_000])
def test_a_long_answer_takes_no_long_time(text: str) -> None:
    """Whoever answers must not hold a service up: these took minutes with a pattern that begins anywhere."""
    assert without_addresses(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 400_000 + ".",
        "a" + "?" * 400_000 + "z",
        *(f"ma{sign * 60}zq" for sign in "?é%&=\\\ufffd"),
        "x?y " * 100_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_a_long_answer_about_a_person_takes_no_long_time(text: str) -> None:
    """Thirty signs in a row took seconds where each length of every gap was tried. Of more the beginning stays."""
    left = without_personal(text, Recipient(name="Maximiliane Featherstonehaugh", email="max@mail.example"))
    assert len(left) <= 4_010


@pytest.mark.timeout(20)
def test_a_person_of_many_words_takes_no_long_time() -> None:
    """Whatever a person types into the fields of an address, an answer is searched for some of it."""
    wordy = Address(
        **{name: "".join(f"word{n} " for n in range(20_000)) for name in ("name", "line1", "city")}
    )
    assert without_personal("nobody of these", wordy) == "nobody of these"
    assert without_personal("refused: word7?!", wordy) == "refused: ...?!"
    assert len(Likeness.of([wordy.name, wordy.city]).words) == WORDS_MAX


def test_a_town_is_left_out_whatever_stands_before_it() -> None:
    """Short words and those that are there twice take no room from others."""
    wordy = Address(
        name="van de " * 300, line1=" ".join(f"{n}" for n in range(99)) * 9, city="Köln-Ehrenfeld"
    )
    assert without_personal("no street of that name in KÃ¶ln", wordy) == "no street of that name in ..."


def test_what_quotes_nobody_is_not_touched() -> None:
    """A name inside another word is none, and so are the words of the reason."""
    said = "422 GatewayUnavailable('the adapter answered 503 in 12 ms, see https://docs.example/e?id=7')"
    assert without_personal(said, ADA) == said
    assert without_personal(said, None) == said


def test_a_fault_quotes_nobody() -> None:
    """It is logged with each attempt. One that quotes nobody is raised as it is."""
    with pytest.raises(Unanswered) as raised, quoting_nobody(REACHED):
        raise OSError("451 <ADA.LOVELACE@canary.example>: greylisted")
    assert repr(raised.value) == "OSError('451 <...>: greylisted')"
    with pytest.raises(OSError, match="no route"), quoting_nobody(REACHED):
        raise OSError("no route to host")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://t.example/?n=TR1", "https://t.example/?n=TR1"),
        ("https://t.example/?B=3S1&P=50667&D=DE", "https://t.example/?B=3S1&D=DE"),
        ("https://t.example/?n=1&to=Ada%20Lovelace", "https://t.example/?n=1"),
        ("https://t.example/3S1-NL-50667", ""),
        ("https://t.example/3S1#50667", ""),
        ("https://ada.example/parcels/3S1", "https://ada.example/parcels/3S1"),
        (
            "https://t.example/analysis/status?n=3S5550667199",
            "https://t.example/analysis/status?n=3S5550667199",
        ),
    ],
)
def test_a_link_to_a_parcel_does_not_say_where_it_goes(url: str, kept: str) -> None:
    """PostNL's and others have the postcode in it, as proof of who asks: then their page asks for it."""
    assert link_without_personal(url, ADA) == kept


def test_a_message_that_is_put_aside_says_why_without_addresses() -> None:
    """The error of a fault of ours is kept with its traceback, in an event."""
    message = Message("CHANNELS", 7, "evt.channels.shop.order_placed", {}, b"", NOON)
    try:
        raise ValueError(f"cannot read {REACHED.email!r}")
    except ValueError as fault:
        parked = park("orders", message, "", f"ValueError: {fault}", 3, fault)
    assert parked.reason == "ValueError: cannot read '...'"
    assert "ValueError" in parked.traceback
    assert "canary" not in parked.traceback.lower()


@pytest.mark.parametrize("before", range(470, 500, 5))
def test_the_bound_of_a_reason_leaves_no_half_of_an_address(before: int) -> None:
    """Cut first, it would be none any more, and stay."""
    message = Message("CHANNELS", 7, "evt.channels.shop.order_placed", {}, b"", NOON)
    try:
        raise ValueError
    except ValueError as fault:
        parked = park("orders", message, "", "x" * before + f" {REACHED.email}", 3, fault)
    assert "ada" not in parked.reason.lower()
