"""Each answer of the AI has a receipt that can be checked without us, and its words can be recognised."""

import base64
import hashlib
import json

import httpx2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from desk import collect, serving
from omniops.contracts.scope import Actor
from omniops.errors import NotFound
from omniops.operations.firsts import OPERATOR

MARA = Actor("member", "mara")
LONG = "Your order leaves our warehouse in Kiel within two working days. It is insured."


def plain(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def checked(receipt, keys):
    """What a receipt says, checked as anybody could, with no code of ours."""
    head, body, signature = receipt.split(".")
    header = json.loads(plain(head))
    (key,) = [key for key in keys["keys"] if key["kid"] == header["kid"]]
    assert (header["alg"], key["crv"], key.get("d")) == ("Ed25519", "Ed25519", None)
    Ed25519PublicKey.from_public_bytes(plain(key["x"])).verify(plain(signature), f"{head}.{body}".encode())
    return json.loads(plain(body))


@pytest.fixture
async def visitor(desk):
    return await desk.visitor()


async def answered(desk, visitor, text="When does it leave? My mail is tom@mail.example."):
    events = await collect(await desk.ask(visitor, text))
    return events[-1][1]


async def test_a_receipt_says_who_wrote_what_from_which_sources_and_what_was_sent(desk, visitor):
    url = await desk.page("Parcels leave our warehouse in Kiel within two working days.")
    await desk.with_model(f"{LONG} [S1]")
    message = await answered(desk, visitor)
    receipts = desk.runtime.visiting.receipts
    said = checked(await receipts.of(visitor, message["id"]), receipts.keys())
    assert said["text_sha256"] == hashlib.sha256(message["text"].encode()).hexdigest()
    assert (said["provider"], said["model"], said["region"], said["processor"]) == ("model", "one", "eu", "vendor")
    assert said["categories_sent"] == ["user.content.chat"]
    assert said["hidden"] == {"EMAIL": 1}
    assert [source["url"] for source in said["sources"]] == [url]
    assert (said["purpose"]["key"], said["ai_generated"]) == ("chat.respond", True)
    assert said["delete_after"] > said["written_at"][:10]


async def test_a_quoted_answer_says_that_nothing_was_sent(desk, visitor):
    message = await answered(desk, visitor)
    receipts = desk.runtime.visiting.receipts
    said = checked(await receipts.of(visitor, message["id"]), receipts.keys())
    assert (said["processor"], said["categories_sent"], said["vendor_keeps"]) == (None, [], "none")


async def test_a_changed_receipt_does_not_hold(desk, visitor):
    message = await answered(desk, visitor)
    receipts = desk.runtime.visiting.receipts
    head, body, signature = (await receipts.of(visitor, message["id"])).split(".")
    forged = plain(body).replace(b'"ai_generated": true', b'"ai_generated": null')
    body = base64.urlsafe_b64encode(forged).decode().rstrip("=")
    with pytest.raises(InvalidSignature):
        checked(f"{head}.{body}.{signature}", receipts.keys())


async def test_nobody_gets_anothers_receipt(desk, visitor):
    message = await answered(desk, visitor)
    with pytest.raises(NotFound):
        await desk.runtime.visiting.receipts.of(await desk.visitor(), message["id"])


async def test_words_of_the_ai_are_recognised_on_its_own_website_only(desk, visitor):
    await desk.page("Parcels leave our warehouse in Kiel within two working days.")
    await desk.with_model(f"{LONG} [S1]")
    message = await answered(desk, visitor)
    assert message["ai_generated"].endswith("trainedAlgorithmicMedia")
    copied = LONG.upper().replace("ORDER", "  order,").replace(" It is insured.", "")
    mixed = f"{LONG} And I, a person, add a sentence of my own here."
    async with serving(desk.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as http:

        async def ask(text, domain=desk.domain):
            return (await http.post("/ai-content/check", json={"key": domain.widget_key, "text": text})).json()

        assert (await ask(copied))["ai"] == "yes"
        partly = await ask(mixed)
        assert (partly["ai"], partly["share"]) == ("partly", 0.5)
        assert (await ask("Somebody else wrote this sentence about quite other things."))["ai"] == "unknown"
        assert (await ask("Yes."))["ai"] == "unknown"
        assert (await ask(copied, desk.other))["ai"] == "unknown"
        keys = (await http.get("/.well-known/omniops-receipts.json")).json()
    assert keys == desk.runtime.visiting.receipts.keys()
    stored = desk.rows("select hash from omniops.ai_mark where domain_id = %s", desk.domain.id)
    assert stored
    assert all(LONG.encode()[:20] not in bytes(digest) for (digest,) in stored)


async def test_words_of_an_approved_draft_and_of_an_answer_that_was_cut_are_the_ais_as_well(desk, visitor):
    await desk.page("Parcels leave our warehouse in Kiel within two working days.")
    await desk.with_model(f"{LONG} [S1]")
    review = [{"mode": "draft"}]
    await desk.runtime.accounts.configure(desk.domain.scope, {"settings": {"review": review}}, actor=OPERATOR)
    desk.domain = await desk.runtime.accounts.domain(desk.domain.scope)
    await answered(desk, visitor)
    marks = desk.runtime.visiting.ai_marks
    assert (await marks.check(desk.domain.scope, LONG)).ai == "unknown"  # nobody was told yet
    (draft,) = await desk.runtime.inbox.drafts.all(desk.domain.scope, state="open", actor=MARA)
    await desk.runtime.inbox.drafts.approve(desk.domain.scope, draft.id, actor=MARA)
    assert (await marks.check(desk.domain.scope, LONG)).ai == "yes"
