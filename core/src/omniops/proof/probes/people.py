"""The AI and the people above it."""

from __future__ import annotations

from typing import Any

from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.proof.probes.acts import ask, conversation, kinds, say, spoken, subject_state

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "tr", "ar")
QUESTION = "How long does delivery take?"
TAKEN = "omniops.conversation.ways:SILENT"
"""The states in which a chat is closed to the AI."""
OF_THE_AI = {"turn", "text", "cite", "level", "card", "done"}


def _mute(say: Any) -> Any:
    return lambda phrase, language: "" if phrase == "disclosure" else say(phrase, language)


class SaidFirst(Probe):
    """The first thing that a visitor reads, in ten languages."""

    claims = ("P44",)
    sabotages = (Sabotage("omniops.conversation.service:say", "the sentence that tells of the AI", _mute),)

    async def run(self, stage: Stage) -> str:
        told = set()
        for language in LANGUAGES:
            async with stage.page() as page:
                events = await ask(page, QUESTION, language=language)
            first, data = events[0]
            hold(first == "disclosure", f"In {language}, {first!r} comes before the disclosure.")
            hold(data.get("text", "").strip(), f"In {language}, the disclosure is empty.")
            told.add(data["text"])
        hold(len(told) == len(LANGUAGES), "The disclosure is the same in two languages.")
        return f"In {len(LANGUAGES)} languages, the sentence that tells of the AI came before anything else."


class PeopleTakeOver(Probe):
    """A chat that a person has taken."""

    claims = ("P50",)
    sabotages = (Sabotage(TAKEN, "the rule that a taken chat is closed to the AI", lambda _: frozenset()),)

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page, stage.office("agent") as office:
            await ask(page, QUESTION)
            chat = (await conversation(page))["id"]
            taken = await office.post(f"/v1/domains/{stage.domain.id}/conversations/{chat}/take-over", json={})
            hold(taken.status_code == 200, f"Taking over was answered with {taken.status_code}.")
            events = await ask(page, "Are you there?")
            hold(not OF_THE_AI & set(kinds(events)), "The AI begins an answer after a person took over.")
            last = (await conversation(page))["messages"][-1]
            hold(last["author"] != "ai", "The AI answered after a person took over.")
        return "A member took a test person's chat over; the next message began no answer of the AI."


class ReviewsReachPeople(Probe):
    """A wish that a person looks at an answer."""

    claims = ("P51",)
    sabotages = (
        Sabotage("omniops.conversation.reviews:Reviews.all", "the list of reviews that people see", lambda _: _nothing),
    )

    async def run(self, stage: Stage) -> str:
        home = f"/v1/domains/{stage.domain.id}/reviews"
        async with stage.page() as page, stage.office("agent") as office:
            done = (await ask(page, QUESTION))[-1][1]
            asked = await page.post(f"/v1/visitor/messages/{done['id']}/review", json={"note": "Is that so?"})
            hold(asked.status_code == 201, f"Asking for a review was answered with {asked.status_code}.")
            listed = (await office.get(home, params={"limit": 100})).json()["data"]
            task = next((one for one in listed if one["id"] == asked.json()["id"]), None)
            if task is None:
                raise Falsified("The people who answer do not see the review.")
            hold(task["due_at"] and task["state"] == "open", "The review has no date, or is not open.")
            async with stage.http() as nobody:
                refused = await nobody.post(f"{home}/{task['id']}/resolve", json={"outcome": "confirmed"})
                hold(refused.status_code == 401, f"Nobody ended a review ({refused.status_code}).")
            ended = await office.post(f"{home}/{task['id']}/resolve", json={"outcome": "confirmed"})
            hold(ended.status_code == 200 and ended.json()["resolved_by"], "A review ended without a name.")
        return "A review was asked for, was seen with its date, could not be ended by nobody, and ended with a name."


async def _nothing(*_: Any, **__: Any) -> list[Any]:
    return []


class NoAiOnWish(Probe):
    """A person who wants no AI."""

    claims = ("P52",)
    sabotages = (Sabotage("omniops.conversation.optout:OptOuts.opt_out", "the keeping of the wish", lambda _: _forget),)
    rests_on = (TAKEN,)

    async def run(self, stage: Stage) -> str:
        calls = "select count(*) from omniops.egress_entry where for_domain = %s"
        before = await stage.rows(calls, stage.domain.id)
        async with stage.models() as models, stage.page() as page:
            wish = await page.post("/v1/visitor/ai-opt-out")
            hold(wish.status_code == 200, f"The wish was answered with {wish.status_code}.")
            back = await page.post("/v1/visitor/ai", json={})
            hold(back.status_code == 409 or back.status_code == 422, "The chat goes back to the AI all the same.")
            events = await ask(page, QUESTION)
            hold(not OF_THE_AI & set(kinds(events)), "The AI begins an answer after the wish.")
            hold(not any(model.requests for model in models), "A provider was asked after the wish.")
        hold(await stage.rows(calls, stage.domain.id) == before, "Something was sent after the wish.")
        return "After the wish, a message began no answer, the chat could not go back to the AI, and nothing was sent."


async def _give_up(self: Any, candidate: Any, attempt: Any, error: Any, *, visible: bool) -> None:
    raise error


class AnotherProviderAnswers(Probe):
    """Two providers, of which the first is stopped."""

    claims = ("P47",)
    sabotages = (
        Sabotage("omniops.conversation.routing.route:_Round.after", "going on to the next", lambda _: _give_up),
    )

    async def run(self, stage: Stage) -> str:
        async with stage.models() as (first, second), stage.page() as page, stage.office("agent") as office:
            events = await ask(page, QUESTION)
            hold(first.name in str(events), "With both there, the first in the order did not answer.")
            first.down = True
            events = await ask(page, "And to islands?")
            hold(second.name in str(events) and events[-1][0] == "done", "With the first stopped, nobody answered.")
            chat, answer = (await conversation(page))["id"], events[-1][1]["id"]
            home = f"/v1/domains/{stage.domain.id}/conversations/{chat}"
            record = (await office.get(f"{home}/messages/{answer}/provenance")).json()
            hold(record["provider"] == second.name, "The record names another provider than the one that answered.")
            why = [kind for name, kind in record["tried"] if name.startswith(first.name)]
            hold(why, "The record does not say why the first did not answer.")
            hold("processor" in record and "hidden" in record, "The record does not say what went to whom.")
        return f"With the first provider stopped, the second answered; the record says why: {why[0]}."


async def _forget(*_: Any) -> None:
    return None


class NobodyIsTreatedWorse(Probe):
    """The same chat, by somebody who used no right and by somebody who used several."""

    claims = ("P108",)
    sabotages = (Sabotage("omniops.conversation.service:next_way", "the equal way for all", lambda w: _grudge(w)),)

    async def run(self, stage: Stage) -> str:
        ours = [key for key, p in stage.runtime.catalog.purposes.items() if p.objectable]
        seen = []
        for used in (False, True):
            async with stage.page() as page:
                if used:
                    await say(page, given=True)
                    await say(page, given=False)
                    subject = (await _newest_subject(stage))[0][0]
                    await subject_state(stage, subject, objections=ours)
                events = await ask(page, QUESTION)
                seen.append([(kind, data.get("text")) for kind, data in events if kind not in ("message", "turn")])
        hold(seen[0] == seen[1], "The two chats differ.")
        return "The same question by a person without and one with a withdrawal and objections: the same answer."


async def _newest_subject(stage: Stage) -> Any:
    statement = "select subject_id from omniops.visitor_session where domain_id = %s order by created_at desc limit 1"
    return await stage.rows(statement, stage.domain.id)


def _grudge(whole: Any) -> Any:
    async def way(session: Any, conversation: Any, settings: Any, question: str, **more: Any) -> Any:
        from omniops.vault.models import Subject

        subject = await session.get(Subject, (conversation.domain_id, conversation.subject_id))
        if subject.objections:
            return "person", None
        return await whole(session, conversation, settings, question, **more)

    return way


__all__ = ["NoAiOnWish", "NobodyIsTreatedWorse", "PeopleTakeOver", "ReviewsReachPeople", "SaidFirst", "spoken"]
