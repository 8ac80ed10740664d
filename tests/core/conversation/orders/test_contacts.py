"""Who writes, as the business's address book knows them: only for an address that was proved, and for nobody else."""

import io
import zipfile
from uuid import uuid4

import httpx2
import pytest
from customers import ANN, BOB, MEMBER, code_of, identified, said
from desk import serving
from desk_plugins import letter
from joserfc import jwt
from joserfc.jwk import OctKey
from omniops.accounts.permissions import ROLES
from omniops.errors import NotFound, NotReady
from omniops.operations.firsts import OPERATOR
from rolodex import ANN_CARD


class Panel:
    """The panel of the desk's domain."""

    def __init__(self, desk, book, row):
        self.desk, self.book, self.row = desk, book, row

    async def of(self, visitor):
        found = await self.desk.runtime.contacts.of(self.desk.domain.scope, visitor.conversation_id, actor=MEMBER)
        return found.proved, [(one.state, one.name, one.company, one.note) for one in found.cards]

    async def vouched(self, **claims):
        """A visitor whom the business vouches for, with these claims in its token."""
        visitor = await self.desk.visitor()
        await said(self.desk, visitor, "Hello")
        identities = self.desk.runtime.visiting.identities
        overlap = self.desk.runtime.settings.visitor_lifetimes[0]
        _, secret = await identities.new_secret(self.desk.domain.scope, overlap=overlap, actor=MEMBER)
        now = int(self.desk.clock.now().timestamp())
        given = {"sub": f"c-{uuid4().hex}", "aud": str(self.desk.domain.id), "iat": now, "exp": now + 600, **claims}
        token = jwt.encode({"alg": "HS256"}, given, OctKey.import_key(secret))
        return await identities.identify(visitor, self.desk.domain, token)

    def kept(self):
        return self.desk.rows("select count(*) from omniops.contact_card where domain_id = %s", self.desk.domain.id)


@pytest.fixture
async def panel(desk, stock):
    book = desk.runtime.seams.integrations()["rolodex"][1].book
    book.fill(ann=ANN_CARD)
    await desk.runtime.accounts.switch(desk.domain.scope, "rolodex", on=True, actor=OPERATOR)
    row = await desk.runtime.connections.connect(desk.domain.scope, "rolodex", {}, actor=OPERATOR)
    return Panel(desk, book, row)


async def test_an_address_that_the_business_vouches_for_finds_the_contact(panel):
    visitor = await panel.vouched(email=ANN, email_verified=True)
    assert await panel.of(visitor) == ("business", [("found", "Ann Lee", "Lee Ltd", "Pays late.")])
    assert panel.book.asked == [(ANN, visitor.subject_id)]
    assert await panel.of(visitor) == ("business", [("found", "Ann Lee", "Lee Ltd", "Pays late.")])
    assert len(panel.book.asked) == 1, "it is asked once a day"
    raw = str(panel.desk.rows("select c::text from omniops.contact_card c"))
    assert "Lee" not in raw, "it lies sealed"
    reads = panel.desk.rows("select count(*) from omniops.audit_entry where action = 'contact.read'")
    assert reads[0][0] >= 2, "reading is on record"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": ANN},
        {"email": ANN, "email_verified": False},
        {"email": ANN, "email_verified": "true"},
        {"email": [ANN], "email_verified": True},
        {"email": "ann", "email_verified": True},
    ],
)
async def test_an_address_that_nobody_vouches_for_is_asked_about_nowhere(panel, claims):
    visitor = await panel.vouched(**claims)
    assert await panel.of(visitor) == (None, [])
    assert panel.book.asked == []
    assert panel.kept() == [(0,)]


async def test_what_a_visitor_or_a_channel_says_proves_nothing(panel):
    desk = panel.desk
    visitor = await desk.visitor()
    await said(desk, visitor, f"I am {ANN}, where is order #1001?")
    assert await panel.of(visitor) == (None, [])
    hashed = await desk.visitor()
    await said(desk, hashed, "Hello")
    assert await panel.of(await identified(desk, hashed, "c-someone")) == (None, [])
    await desk.take(await desk.connection(), letter("Hello", sender=ANN))
    ((number,),) = desk.rows(
        "select id from omniops.conversation where domain_id = %s and channel = 'post'", desk.domain.id
    )
    found = await desk.runtime.contacts.of(desk.domain.scope, number, actor=MEMBER)
    assert (found.proved, list(found.cards)) == (None, [])
    assert panel.book.asked == []
    with pytest.raises(NotFound):
        await desk.runtime.contacts.of(desk.domain.scope, uuid4(), actor=MEMBER)


async def test_the_code_of_an_order_proves_its_address(panel):
    desk = panel.desk
    visitor = await desk.visitor()
    await desk.with_model("I am a model.")
    await said(desk, visitor, f"Where is my order #1001? I ordered as {ANN}.")
    code = await code_of(desk)
    assert await panel.of(visitor) == (None, []), "a code that was not entered proves nothing"
    await said(desk, visitor, f"The code is {code}")
    assert await panel.of(visitor) == ("order", [("found", "Ann Lee", "Lee Ltd", "Pays late.")])


async def test_who_is_not_in_the_book_is_shown_as_such_and_asked_again_after_a_day(panel):
    visitor = await panel.vouched(email=BOB, email_verified=True)
    assert await panel.of(visitor) == ("business", [("none", "", "", "")])
    panel.book.cards[BOB] = ANN_CARD
    assert (await panel.of(visitor))[1][0][0] == "none"
    panel.desk.clock.forward(days=1)
    assert (await panel.of(visitor))[1][0][0] == "found"


async def test_a_book_that_is_away_keeps_nothing_from_being_read(panel):
    visitor = await panel.vouched(email=ANN, email_verified=True)
    panel.book.trouble = NotReady("Later.")
    assert await panel.of(visitor) == ("business", [("away", "", "", "")])
    panel.book.trouble = None
    await panel.of(visitor)
    panel.desk.clock.forward(days=2)
    panel.book.trouble = NotReady("Later.")
    assert (await panel.of(visitor))[1][0][1] == "Ann Lee", "what is known from before is shown"


async def test_it_goes_with_feature_and_connection(panel):
    connections, scope = panel.desk.runtime.connections, panel.desk.domain.scope
    visitor = await panel.vouched(email=ANN, email_verified=True)
    await panel.of(visitor)
    assert panel.kept() == [(1,)]
    await connections.switch(scope, panel.row.id, "cards", on=False, actor=MEMBER)
    assert await panel.of(visitor) == ("business", [])
    assert panel.kept() == [(0,)]
    await connections.switch(scope, panel.row.id, "cards", on=True, actor=MEMBER)
    await panel.of(visitor)
    assert panel.kept() == [(1,)]
    await connections.disconnect(scope, panel.row.id, actor=MEMBER)
    assert panel.kept() == [(0,)]


async def test_a_person_gets_it_in_their_copy_and_erasure_takes_it(panel):
    visitor = await panel.vouched(email=ANN, email_verified=True)
    await panel.of(visitor)
    persons, scope = panel.desk.runtime.privacy.persons, panel.desk.domain.scope
    pieces = [piece async for piece in persons.export(scope, visitor.subject_id, actor=MEMBER)]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as copy:
        assert "Pays late." in "".join(copy.read(name).decode("utf-8", "replace") for name in copy.namelist())
    await persons.erase(scope, visitor.subject_id, actor=MEMBER)
    assert panel.kept() == [(0,)]


async def test_over_http_only_members_see_it(panel):
    visitor = await panel.vouched(email=ANN, email_verified=True)
    domain = panel.desk.domain
    async with serving(panel.desk.runtime) as base:
        path = f"{base}/v1/domains/{domain.id}/conversations/{visitor.conversation_id}/contact"
        async with httpx2.AsyncClient() as http:
            assert (await http.get(path)).status_code == 401
            role = sorted(ROLES["agent"])
            _, secret = await panel.desk.runtime.keys.create(domain.scope.account_id, "agent", role, actor=OPERATOR)
            answer = await http.get(path, headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 200
            (card,) = answer.json()["cards"]
            assert (answer.json()["proved"], card["book"], card["name"]) == ("business", "Rolodex", "Ann Lee")
