"""A visitor of a whole deployment is answered by a vendor's model, over TLS, until the business switches it off."""

import importlib
from contextlib import closing

from connected import MEMBER, Business, application
from omniops.testing.fakes import ManualClock
from omniops.testing.upstream import Answer

QUESTION = "How long do parcels take?"
SAID = "Parcels take four working days to arrive."


async def journey(plugin, sdk, wire, settings, postgres, folder):
    """Switched on, asked, taken over by a person, switched off; the deployment's key is nowhere. `wire` is how the
    vendor speaks; `sdk` is imported before the clocks of an answer run."""
    importlib.import_module(sdk)
    asked, clock = [], ManualClock()

    def answer(exchange):
        asked.append(exchange)
        return Answer([*wire.text(f"{SAID} [S1]").whole], headers={"Content-Type": wire.content_type})

    def values(url):
        return {**settings, "base_url": url + wire.path}

    whole = application(plugin, answer, values, postgres.database(), postgres.root, folder, clock)
    async with whole as (runtime, upstream, http):
        with closing(Business(runtime, upstream, http, clock)) as desk:
            desk.plugin = plugin
            desk.domain = await desk.new_domain()
            await runtime.accounts.switch(desk.scope, "quoting", on=False, actor=MEMBER)
            url = await desk.page(SAID)
            visitor = await desk.visitor()
            done = (await desk.ask(visitor, QUESTION))[-1]
            assert (done.kind, done.data["text"]) == ("done", SAID)
            assert [source["url"] for source in done.data["sources"]] == [url], "with its source"
            assert len(asked) == 1
            assert QUESTION.encode() in asked[0].body

            (conversation,) = desk.conversations()
            await runtime.inbox.take_over(desk.scope, conversation, actor=MEMBER)
            await desk.ask(visitor, "Are you a person?")
            await runtime.inbox.reply(desk.scope, conversation, "Yes, I am Mara.", actor=MEMBER)
            assert len(asked) == 1, "the AI is silent"

            for one, on in ((plugin, False), ("quoting", True)):
                await runtime.accounts.switch(desk.scope, one, on=on, actor=MEMBER)
            done = (await desk.ask(await desk.visitor(), QUESTION))[-1]
            assert done.data["text"] == SAID, "somebody else answers"
            assert len(asked) == 1, "of what is off nothing is asked"
            assert settings["api_key"] not in desk.everything()
