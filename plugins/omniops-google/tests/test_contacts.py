"""Contacts: found by their exact address, and of an entry no more than is listed."""

import pytest
from connected import MEMBER
from fake_google import AUTH
from google_app import scopes_of
from joserfc import jwt
from joserfc.jwk import OctKey
from omniops.operations.firsts import OPERATOR
from omniops.testing.upstream import Answer

ANN = "ann@visitor.example"


async def proven(app, email=ANN):
    """A visitor for whose address the business vouches."""
    visitor = await app.visitor()
    identities, overlap = app.runtime.visiting.identities, app.runtime.settings.visitor_lifetimes[0]
    _, secret = await identities.new_secret(app.scope, overlap=overlap, actor=MEMBER)
    now = int(app.clock.now().timestamp())
    claims = {"sub": email, "aud": str(app.domain.id), "iat": now, "exp": now + 600}
    token = jwt.encode({"alg": "HS256"}, claims | {"email": email, "email_verified": True}, OctKey.import_key(secret))
    visitor = await identities.identify(visitor, app.domain, token)
    await app.ask(visitor, "Hello")
    return visitor


async def cards(app, visitor):
    found = await app.runtime.contacts.of(app.scope, visitor.conversation_id, actor=MEMBER)
    return [(one.state, one.name, one.company, one.note) for one in found.cards]


async def test_one_scope_and_the_notes_are_a_choice_of_their_own(app):
    chosen = {"contacts": True, "contact_notes": True, "times": False}
    begun = await app.runtime.granting.begin(app.scope, "google", {}, actor=OPERATOR, chosen=chosen)
    assert [one for one in scopes_of(begun.url) if "contacts" in one] == [f"{AUTH}contacts.readonly"]


async def test_name_and_company_are_shown_and_nothing_else_is_kept(app):
    app.google.lavish = "Canary"
    await app.connect("contacts")
    app.google.note(app.account, "Ann Lee", ANN.upper(), company="Lee Ltd", note="Canary pays late.")
    app.google.note(app.account, "Ann Other", f"{ANN}.uk", company="Other Ltd")
    app.google.note(app.account, "Bob Kaye", "bob@visitor.example")
    assert await cards(app, await proven(app)) == [("found", "Ann Lee", "Lee Ltd", "")]
    kept = app.everything()
    for unseen in ("Canary", "Ann Lee", "Lee Ltd", "Bob", "Other"):
        assert unseen not in kept, "what is shown lies sealed, what is not is nowhere"
    asked = [given for method, given in app.google.asked if method == "people.people.searchContacts"]
    assert [one["query"] for one in asked] == ["", ANN], "one person is looked for"
    assert {one["readMask"] for one in asked} == {"names,emailAddresses,organizations"}


async def test_notes_come_along_where_the_business_wants_them(app):
    await app.connect("contacts", "contact_notes")
    app.google.note(app.account, "Ann Lee", ANN, note="Pays late.")
    html = {"biographies": [{"value": "<b>no</b>", "contentType": "TEXT_HTML"}]}
    app.google.note(app.account, "Eve", "eve@visitor.example", **html)
    assert await cards(app, await proven(app)) == [("found", "Ann Lee", "", "Pays late.")]
    assert await cards(app, await proven(app, "eve@visitor.example")) == [("found", "Eve", "", "")]


async def test_two_entries_of_one_address_that_say_different_things_are_none(app):
    await app.connect("contacts")
    app.google.note(app.account, "Ann Lee", ANN, company="Lee Ltd")
    app.google.note(app.account, "Office of Lee", ANN)
    assert await cards(app, await proven(app)) == [("none", "", "", "")]


@pytest.mark.parametrize("fault", [Answer.json({}, status=503), Answer([b"<html>"], 200), Answer.json({}, status=429)])
async def test_google_being_away_keeps_nobody_from_working(app, fault):
    await app.connect("contacts")
    app.google.note(app.account, "Ann Lee", ANN)
    visitor = await proven(app)
    app.google.faults["people.people.searchContacts"].append(fault)
    assert (await cards(app, visitor))[0][0] == "away"
    app.clock.forward(hours=1)
    assert (await cards(app, visitor))[0][1] == "Ann Lee"


async def test_contacts_unticked_at_google_are_off_and_nobody_is_asked(app):
    app.google.grants = {f"{AUTH}calendar.freebusy"}
    assert (await app.grant(features={"contacts": True})).outcome == "partial"
    assert await cards(app, await proven(app)) == []
    assert app.google.count("people.people.searchContacts") == 0


async def test_disconnecting_takes_what_was_kept(app):
    connection_id = await app.connect("contacts")
    app.google.note(app.account, "Ann Lee", ANN)
    await cards(app, await proven(app))
    count = "select count(*) from omniops.contact_card where domain_id = %s"
    assert app.rows(count, app.domain.id) == [(1,)]
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert app.rows(count, app.domain.id) == [(0,)]
