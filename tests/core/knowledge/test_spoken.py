"""What `omniops doctor` says of pages in a language that the encoder does not know."""

import pytest
from omniops.contracts.ids import SystemClock, new_id
from omniops.contracts.knowledge import EncoderOffer
from omniops.defaults.wordllama import WordllamaEncoder
from omniops.knowledge.cut import Piece
from omniops.knowledge.models import Page
from omniops.knowledge.store import PassageRows
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.spoken import _helps, unknown_languages


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    plugins = ["website", "site", "quoting", "hybrid", "wordllama"]
    settings = Settings(data_dir=folder, keys_dir=folder / "keys", plugins=plugins, encoder="wordllama")
    async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
        yield runtime


async def site_in(runtime, *languages):
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Test")).account_id
    url = f"https://{new_id().hex}.example/"
    domain, source = await firsts.ensure_site(account, url)
    rows = PassageRows(runtime.database, SystemClock())
    async with runtime.database.session(domain.scope) as session:
        for number, language in enumerate(languages):
            page = Page(
                domain_id=domain.id, source_id=source.id, url=f"{url}{number}", state="read", depth=0, language=language
            )
            session.add(page)
            await session.flush()
            await rows.replace(session, domain.scope, [(page, [Piece("text", "", f"Text {number}")])])
        await session.commit()
    return url.rstrip("/"), domain.scope


async def test_it_names_the_languages_and_how_many_pages(runtime):
    _, plain = await site_in(runtime, "en", "en")
    _, scope = await site_in(runtime, "pl", "en", "pl", "de")
    assert await runtime.knowledge.languages(scope) == {"pl": 2, "de": 1, "en": 1}
    assert await unknown_languages(runtime, await runtime.accounts.domain(plain)) is None
    found = await unknown_languages(runtime, await runtime.accounts.domain(scope))
    assert "does not know pl, de (3 of 4 pages)" in found.said
    assert (found.why, found.fix) == ("", ""), "no enabled plugin knows more, so nothing is recommended"


@pytest.mark.parametrize(
    ("missing", "fix"),
    [(None, "OMNIOPS_ENCODER=many"), ("no file", "omniops models install many, then OMNIOPS_ENCODER=many")],
)
def test_it_names_the_command_where_another_encoder_knows_them(missing, fix):
    english = EncoderOffer("one", "One", rank=100, open=WordllamaEncoder, languages=frozenset({"en"}))
    many = EncoderOffer("many", "Many", rank=1, open=WordllamaEncoder, missing=missing)
    assert _helps([english, many], ["pl", "de"]) == ("Many knows them.", fix)
    assert _helps([english], ["pl"]) == ("", "")
