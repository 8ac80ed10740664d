"""What a mail says to us: its thread, the words of a person, a bounce, or nothing at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from letters import OURS, TOM, bounce, letter
from omniops.contracts.channel import Incoming, Outgoing, Receipt
from omniops.contracts.letters import unquoted
from omniops.testing import RecordingLog
from omniops_mail.reading import read
from omniops_mail.settings import Mailbox
from omniops_mail.writing import reply

BOX = Mailbox(address=OURS, user="shop", password="x", plus=True)


def heard(mail):
    return read(bytes(mail), BOX, RecordingLog())


def test_a_mail_is_a_message():
    got = heard(letter("How long?\n", Date="Sat, 28 Nov 2026 10:00:00 +0100"))
    assert (got.sender, got.text) == (TOM, "How long?")
    assert got.about == {"subject": "Shipping", "message_id": "<1@customer.example>", "references": ""}
    assert got.sent_at.isoformat() == "2026-11-28T10:00:00+01:00"
    assert got.to == (OURS,)
    assert got == heard(letter("How long?\n", Date="Sat, 28 Nov 2026 10:00:00 +0100"))
    assert "customer" not in got.delivery_id + got.thread
    assert heard(letter(key="")).delivery_id != heard(letter("Else?", key="")).delivery_id


def answer(to):
    """What we answer a message with."""
    return reply(Outgoing("f" * 32, to.thread, to.sender, "Four days.", ai=True, about=to.about), BOX)


@pytest.mark.parametrize(
    "headers",
    [
        {"References": "<1@customer.example> {ours}", "In_Reply_To": "{ours}"},
        {"In_Reply_To": "{ours}"},
        {"References": "{ours}"},
        {"In_Reply_To": "<1@customer.example>"},
        {"to": "Shop <{plus}>"},
        {"to": "us@elsewhere.example", "Delivered_To": "{plus}"},
    ],
)
def test_an_answer_to_our_answer_stays_in_its_thread(headers):
    first = heard(letter())
    ours = answer(first)
    filled = {k: v.format(ours=ours["Message-ID"], plus=ours["Reply-To"]) for k, v in headers.items()}
    assert heard(letter("And to the islands?", key="2", **filled)).thread == first.thread


def test_a_new_mail_is_a_new_thread_and_nobody_writes_into_anothers():
    first = heard(letter())
    assert heard(letter(key="2")).thread != first.thread
    ours = answer(first)
    for headers in (
        {"In_Reply_To": ours["Message-ID"]},
        {"to": ours["Reply-To"]},
        {"References": "<1@customer.example>"},
    ):
        assert heard(letter(key="3", sender="eve@evil.example", **headers)).thread != first.thread


def test_a_contact_form_is_answered_to_the_one_who_filled_it_in():
    assert heard(letter(sender="forms@host.example", Reply_To=TOM)).sender == TOM


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x"},
        {"Precedence": "Bulk"},
        {"List_Id": "<news.example>"},
        {"List_Unsubscribe": "<https://x.example>"},
        {"Return_Path": "<>"},
        {"sender": f"Shop <{OURS.upper()}>"},
        {"sender": "MAILER-DAEMON@mx.example"},
        {"sender": "Tom"},
        {"sender": "a@x.example, b@x.example"},
        {"X_AI_Generated": "yes"},
        {"text": ""},
    ],
)
def test_what_no_person_waits_for_is_not_taken(headers):
    assert heard(letter(**headers)) is None


def test_a_person_who_says_so_is_taken():
    assert isinstance(heard(letter(Auto_Submitted="no", Precedence="first-class", Return_Path=f"<{TOM}>")), Incoming)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Yes.\n\nOn Sat, 28 Nov 2026, Shop wrote:\n> Is it\n> well?\n", "Yes."),
        ("Ja.\n\nAm Sa., 28. Nov. 2026 um 10:00 Uhr schrieb Shop\n<shop@shop.example>:\n\n> Gut?\n", "Ja."),
        ("Oui.\n\nLe sam. 28 nov. 2026, Shop a écrit :\n> Bien ?\n", "Oui."),
        ("> Is it well?\nYes.\n> And late?\nNo.\n", "Yes.\nNo."),
        ("Yes.\n\n-----Original Message-----\nFrom: us\nOld words\n", "Yes."),
        ("Ja.\n\nVon: Shop <shop@shop.example>\nGesendet: heute\nAlt\n", "Ja."),
        ("Yes.\n________________________________\nold\n", "Yes."),
        ("Yes.\n-- \nTom\nDirector of everything\n", "Yes."),
        ("On Monday I need:\n- a tent\n", "On Monday I need:\n- a tent"),
        ("From: Berlin to Rome?\n", "From: Berlin to Rome?"),
        ("> only a quote\n", ""),
    ],
)
def test_only_new_words_are_kept(written, kept):
    assert unquoted(written) == kept


def test_a_mail_of_quotes_only_is_kept_whole():
    assert heard(letter("> only a quote\n")).text == "> only a quote"


def test_html_is_read_as_text():
    mail = letter()
    mail.set_content(
        "<html><head><title>T</title><style>p{}</style></head><body><p>How&nbsp;long&hellip;<br>really?</p>"
        "<script>evil()</script><div>Tom</div><blockquote>old <b>words</b></blockquote></body></html>",
        subtype="html",
    )
    assert heard(mail).text.replace("\xa0", " ") == "How long…\nreally?\n\nTom"


def test_the_plain_part_wins_and_files_are_left():
    mail = letter("Plain words\n")
    mail.add_alternative("<p>HTML words</p>", subtype="html")
    mail.add_attachment(b"\x00", maintype="application", subtype="pdf", filename="a.pdf")
    assert heard(mail).text == "Plain words"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: tom@customer.example\nContent-Type: text/plain; charset=nobody-knows\n\nGr\xc3\xbc\xc3\x9fe\n",
        b"From: tom@customer.example\nContent-Type: text/plain; charset=us-ascii\n\nGr\xc3\xbc\xc3\x9fe\n",
    ],
)
def test_odd_character_sets_are_read_as_well_as_can_be(raw):
    assert heard(raw).text.startswith("Gr")


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("status", "permanent"),
    [("5.1.1", True), ("5.0.0", True), ("5.2.2", False), ("5.7.1", False), ("4.4.7", False), ("nonsense", True)],
)
def test_a_bounce_names_our_mail_and_whether_the_address_works(status, permanent, whole):
    got = heard(bounce("<omniops.x@shop.example>", status=status, whole=whole))
    assert got == Receipt("<omniops.x@shop.example>", "failed", permanent, "5.0.0" if status == "nonsense" else status)


def test_other_reports_say_little():
    assert heard(bounce("<omniops.x@shop.example>", action="delivered")).state == "delivered"
    assert heard(bounce("<omniops.x@shop.example>", action="delayed", status="4.4.1")) is None
    assert heard(b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\nx\n--b--\n") is None


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(
        [b"", b"From: a@b.example\nMessage-ID: <x@y>\n", b"Content-Type: multipart/report; boundary=b\n\n--b\n"]
    ),
)
def test_whatever_comes_is_read_or_passed_over(noise, before):
    assert heard(before + noise) is None or isinstance(heard(before + noise), Incoming | Receipt)
