"""What a person is to be told beside the copy: what is really held, and in the person's own language."""

import re

import pytest
from crm import ACTOR
from omniops.contracts.declaration import Category
from omniops.contracts.scope import Scope
from omniops.errors import Rejected
from omniops.privacy.catalog import PURPOSES, Catalog, may_be_shut
from omniops.privacy.fields import personal_fields
from omniops.privacy.persons.titles import Titles
from omniops.privacy.rights.words import LANGUAGES, words
from omniops.vault.models import Subject
from sqlmodel import select


@pytest.fixture
async def ann(people):
    return await people.person()


@pytest.fixture
async def also(people, ann):
    return await people.person("ann@work.example", also=ann)


async def test_the_sheet_says_what_is_really_held_for_what_and_who_received_it(people, ann, also):
    people.received(ann)
    people.received(await people.person("bob@b.example"), "post")
    await people.persons.object_to(people.scope, ann.subject_id, "knowledge.improve", actor=ACTOR)
    sheet = await people.persons.sheet(people.scope, also.subject_id, actor=ACTOR)
    purposes = {one["key"]: one for one in sheet["purposes"]}
    assert purposes["knowledge.improve"]["stopped"] == "objected"
    assert purposes["support.provide"]["stopped"] is None
    assert (purposes["support.provide"]["article"], "account.sign_in" in purposes) == ("6(1)(b)", False)
    categories = {one["key"]: one for one in sheet["categories"]}
    assert categories["contact.email"]["values"] == 2
    assert "account.credential" not in categories
    (recipient,) = sheet["recipients"]
    assert (recipient["name"], recipient["countries"], recipient["calls"]) == ("CRM Inc.", ["US"], 1)
    (chat,) = [one for one in sheet["retention"] if one["class"] == "chat"]
    assert chat["days"] == 90
    assert chat["until"] > sheet["since"][:10]
    assert sheet["automated"][0]["purpose"] == "chat.respond"
    assert sheet["consents"] == {"analytics": ["given"]}
    assert sheet["limits"]["objections"] == ["knowledge.improve"]
    text = people.persons.sheets.text(sheet)
    for letter in "abcdefgh":
        assert f"\n({letter}) " in text
    assert "CRM Inc. (US)" in text
    assert "stopped: you object" in text
    assert "ann@a.example" not in text


async def test_the_sheet_of_somebody_of_whom_nearly_nothing_is_held(people):
    visitor = await people.desk.visitor()
    sheet = await people.persons.sheet(people.scope, visitor.subject_id, actor=ACTOR)
    assert (sheet["categories"], sheet["recipients"]) == ([], [])
    assert "Nobody outside." in people.persons.sheets.text(sheet)


async def test_a_member_has_a_sheet_and_a_map_of_their_own(people):
    runtime, account = people.desk.runtime, people.scope.account_id
    token = await runtime.members.setup_link(account)
    await runtime.members.finish_setup(token, email="o@a.example", name="Owner", password="long enough 1234")
    async with runtime.database.session(Scope(account)) as session:
        member = (await session.exec(select(Subject).where(Subject.kind == "member"))).one()
    sheet = await people.persons.sheet(Scope(account), member.id, actor=ACTOR)
    assert {one["key"] for one in sheet["categories"]} == {"contact.email", "contact.name", "account.credential"}
    with pytest.raises(Rejected) as caught:
        await people.persons.rectify(Scope(account), member.id, "contact.email", "x@a.example", actor=ACTOR)
    assert caught.value.code == "member"


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
async def test_the_sheet_is_in_the_persons_language_and_in_no_other(people, ann, also, language):
    people.received(ann)
    scope, persons = people.scope, people.persons
    await persons.object_to(scope, ann.subject_id, "knowledge.improve", actor=ACTOR)
    await persons.opt_out(scope, ann.subject_id, "chat.respond", actor=ACTOR)
    await persons.restrict(scope, ann.subject_id, actor=ACTOR)
    english = await persons.sheet(scope, ann.subject_id, actor=ACTOR)
    sheet = await persons.sheet(scope, ann.subject_id, actor=ACTOR, language=f"{language}-XX")
    assert sheet["language"] == language
    text = persons.sheets.text(sheet)
    assert "{" not in text
    plugins = {"post", "crm"}  # what a plugin declares is called as it declared it
    alike = {line for line in text.splitlines() if line in persons.sheets.text(english).splitlines()} - {""}
    assert [line for line in alike if not re.search(r"\d{4}-|" + "|".join(plugins), line.casefold())] == []
    keys = [(part, one.get("key", one.get("class"))) for part in ("purposes", "categories", "retention")
            for one in sheet[part]]  # fmt: skip
    assert keys == [(part, one.get("key", one.get("class"))) for part in ("purposes", "categories", "retention")
                    for one in english[part]], "keys are for programs, and the same in every language"  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_of_core_that_a_sheet_can_name_has_words_in_every_language(language):
    catalog, said = Catalog.build(), words(language)
    titles = Titles(catalog, language)
    fields = [field for field in personal_fields(catalog) if field.category in catalog.categories]
    named = {key for field in fields for key in field.purposes} & set(catalog.purposes)
    named |= {purpose.key for purpose in PURPOSES if may_be_shut(purpose)}
    asked = {purpose.key for purpose in catalog.choices()}
    assert {key for key in named - asked if f"purpose.{key}" not in said} == set()
    assert {key for key in catalog.categories if f"category.{key}" not in said} == set()
    assert {field.retain for field in fields if f"retention.{field.retain}" not in said} == set()
    assert all(titles.purpose(key) != key for key in named)
    assert set(said) == set(words("en"))
    for key, text in said.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", words("en")[key])), key


def test_what_a_plugin_declares_is_called_as_it_declared_it():
    catalog = Catalog.build()
    shop = Catalog({}, {"shop.order": Category("shop.order", "Orders")}, {}, catalog.cookies)
    assert Titles(shop, "de").category("shop.order") == "Orders"
    assert Titles(shop, "de").category("nobody.knows") == "nobody.knows"
