"""Why an answer says what it says: beside its conversation, at an address of its own. What members think of it, and how
a draft would be changed before it leaves, are told here too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field

from omniops.conversation.service import MessageView
from omniops.conversation.tools.approvals import ToolRunView
from omniops.errors import NotFound, OmniOpsError
from omniops.inbox.drafts import Change, difference
from omniops.inbox.provenance import Provenance
from omniops.inbox.statements import Statement, statements, used
from omniops.inbox.verdicts import LONGEST, VerdictView
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted
from omniops.server.dashboard.inbox import WAITING, Words, thread
from omniops.server.dashboard.inbox_list import Chosen, chosen
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(
    prefix=HOME + "/{domain_id}/inbox/{conversation_id}", include_in_schema=False, route_class=Idempotent
)
ONE = "/why/{message_id}"
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(Sends("conversation.reply"))]
RUNS = 100
"""Actions of a conversation that are looked through for those of an answer, and decided drafts for its own."""
AROUND = 20
"""Messages that are shown behind the one that is explained."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A passage. `n` is the number that it is cited by, or None; `pieces` its quote, each with whether its words are
    used; `strength` how well it fits the question, where that was measured, and `fit` the same in a word."""

    n: int | None
    title: str
    url: str
    own: bool
    pieces: Sequence[tuple[str, bool]]
    strength: float | None
    fit: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the turn: where its bar begins and how wide it is, of 100, and its milliseconds."""

    name: str
    kind: Literal["look", "wait", "write"]
    x: float
    width: float
    ms: int


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was used. `run` is its record where it changes something."""

    name: str
    state: str
    ms: int | None
    run: ToolRunView | None


@dataclass(frozen=True, slots=True)
class Why:
    """All that is told of one answer. `said` are its parts by sentences, `open` the source whose sentences are marked,
    `gone` counts passages that are not kept any more, `statements` and `carried` sentences, and those on a source."""

    message: MessageView
    record: Provenance
    said: Sequence[object]
    open: int | None
    cited: Sequence[Seen]
    looked_up: Sequence[Seen]
    beside: Sequence[Seen]
    gone: int
    statements: int
    carried: int
    tools: Sequence[Tool]
    held: Sequence[ToolRunView]
    bars: Sequence[Bar]
    changes: Sequence[Change]
    verdict: VerdictView | None


@router.get(ONE)
async def why(
    request: Request,
    runtime: App,
    access: Reads,
    conversation_id: UUID,
    message_id: UUID,
    which: Annotated[Chosen, Depends(chosen)],
    source: Annotated[int | None, Query(ge=1, le=1000)] = None,
) -> Response:
    """An answer of the AI with everything that led to it. Reading is on record."""
    found = await _why(runtime, access, conversation_id, message_id, source)
    return await _shown(request, runtime, access, conversation_id, found, which=which)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    conversation_id: UUID,
    found: Why,
    *,
    which: Chosen = WAITING,
    status: int = 200,
    problem: OmniOpsError | None = None,
    judged: str = "",
) -> Response:
    more = {"why": found, "judged": judged, "misjudged": problem, "longest": LONGEST}
    before = found.message.seq + AROUND
    return await thread(request, runtime, access, conversation_id, which=which, before=before, status=status, more=more)


async def _why(
    runtime: Runtime, access: DomainAccess, conversation_id: UUID, message_id: UUID, source: int | None = None
) -> Why:
    scope, actor, inbox = access.scope, access.principal.actor, runtime.inbox
    record = await inbox.provenances.of(scope, conversation_id, message_id)
    (message,) = await inbox.read(scope, conversation_id, actor=actor, after=record.seq - 1, limit=1)
    settings = (await runtime.accounts.domain(scope)).settings
    passages = await runtime.knowledge.fetch(scope, record.found)
    scores = dict(zip(record.found, record.scores, strict=False))
    said = statements(message.parts, message.sources)
    sentences = [one for one in said if isinstance(one, Statement) and one.says]

    def fit(strength: float | None) -> str:
        if strength is None:
            return ""
        return "strong" if strength >= settings.answer_cut else "fair" if strength >= settings.closest_cut else "weak"

    def cited(one: dict[str, object]) -> Seen:
        n, quote = int(str(one["n"])), str(one["quote"])
        told = "".join(sentence.text for sentence in sentences if n in sentence.sources) or message.text
        strength = scores.get(UUID(str(one["passage"])))
        return Seen(
            n, str(one["title"]), str(one["url"]), bool(one.get("own")), used(quote, told), strength, fit(strength)
        )

    known = set(record.found)
    beside = [one for one in record.found if one not in record.cited]
    runs = [
        run
        for run in await runtime.approvals.all(
            scope, state=None, conversation_id=conversation_id, limit=RUNS, actor=actor
        )
        if run.turn_id == record.turn_id
    ]
    tools = _tools(record, runs)
    return Why(
        message=message,
        record=record,
        said=said,
        open=source if any(source == one["n"] for one in message.sources) else None,
        cited=[cited(one) for one in message.sources if UUID(str(one["passage"])) in known],
        looked_up=[cited(one) for one in message.sources if UUID(str(one["passage"])) not in known],
        beside=[
            Seen(None, passages[one].context, passages[one].url, False, (), scores.get(one), fit(scores.get(one)))
            for one in beside
            if one in passages
        ],
        gone=sum(one not in passages for one in beside),
        statements=len(sentences),
        carried=sum(bool(one.sources) for one in sentences),
        tools=tools,
        held=[run for run in runs if not any(tool.run is run for tool in tools)],
        bars=bars(record),
        changes=await _changes(runtime, access, conversation_id, message),
        verdict=await inbox.provenances.verdicts.of(scope, conversation_id, message_id, actor=actor),
    )


def _tools(record: Provenance, runs: Sequence[ToolRunView]) -> list[Tool]:
    """Tools in the order in which they were used, each with its time, and with its own record where it has one."""
    times = [took for name, _, took in record.times[1:]] if record.times else []
    left, found = list(runs), []
    for place, (name, state) in enumerate(record.tools):
        run = next((one for one in left if one.tool == name), None)
        if run is not None:
            left.remove(run)
        found.append(Tool(name, state, times[place] if place < len(times) else None, run))
    return found


def bars(record: Provenance) -> list[Bar]:
    """The turn's times as bars of one length together: the search, tools, the wait for the first word, the answer."""
    whole = max(record.total_ms, record.first_ms, 1)
    found: list[tuple[str, Literal["look", "wait", "write"], int, int]] = [
        ("Search" if not place else name, "look", start, took) for place, (name, start, took) in enumerate(record.times)
    ]
    began = max((start + took for _, _, start, took in found if start + took <= record.first_ms), default=0)
    found.append(("First word", "wait", began, record.first_ms - began))
    found.append(("Answer", "write", record.first_ms, whole - record.first_ms))
    return [
        Bar(name, kind, round(100 * start / whole, 2), round(max(100 * took / whole, 0.6), 2), took)
        for name, kind, start, took in found
    ]


async def _changes(
    runtime: Runtime, access: DomainAccess, conversation_id: UUID, message: MessageView
) -> Sequence[Change]:
    """What a person changed in the draft that this message was."""
    if not message.approved:
        return ()
    drafts = await runtime.inbox.drafts.all(
        access.scope, state="sent", conversation_id=conversation_id, limit=RUNS, actor=access.principal.actor
    )
    changes = next((one.difference for one in drafts if one.message_id == message.id), ())
    return changes if any(change.kind != "same" for change in changes) else ()


class VerdictForm(FormBody):
    fits: Literal["yes", "no"]
    words: str = Field(default="", max_length=2_000)


@router.post(ONE)
async def judge(
    request: Request,
    runtime: App,
    access: Replies,
    conversation_id: UUID,
    message_id: UUID,
    form: Annotated[VerdictForm, Form()],
) -> Response:
    """A member says whether the answer was right."""
    did = runtime.inbox.provenances.verdicts.give(
        access.scope,
        conversation_id,
        message_id,
        fits=form.fits == "yes",
        words=form.words,
        actor=access.principal.actor,
    )

    async def again(*, problem: OmniOpsError, status: int) -> Response:
        found = await _why(runtime, access, conversation_id, message_id)
        return await _shown(
            request, runtime, access, conversation_id, found, status=status, problem=problem, judged=form.words
        )

    place = f"{HOME}/{access.scope.domain_id}/inbox/{conversation_id}/why/{message_id}#verdict"
    return await acted(did, place, again)


class Edited(Words):
    draft: UUID


@router.post("/draft/changes")
async def changes(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Edited, Form()]
) -> Response:
    """Shows what was changed in a draft, before anything of it leaves. Raises `NotFound` for one that is not open."""
    drafts = await runtime.inbox.drafts.all(
        access.scope, state="open", conversation_id=conversation_id, actor=access.principal.actor
    )
    draft = next((one for one in drafts if one.id == form.draft), None)
    if draft is None:
        raise NotFound("There is no such draft.", do="It may be decided already: open the conversation again.")
    more = {"edited": form.words, "changes": difference(draft.text, form.words)}
    return await thread(request, runtime, access, conversation_id, more=more)
