"""Own questions, runs, gaps and calibration over HTTP: what a business's people and programs do with them."""

import pytest

SHIPPING = {"question": "How long does delivery take?", "pages": ["/shipping"], "contains": ["four days"]}
SILENCE = {"question": "Which planet has the most moons?"}


@pytest.fixture(scope="module")
def base(world):
    (domain, _) = world.domains[world.accounts[0]]
    return f"/v1/domains/{domain.id}"


@pytest.fixture
async def owner(world):
    async with world.client(**world.key(world.accounts[0], "owner")) as client:
        yield client


async def test_questions_are_added_imported_listed_and_removed(owner, base):
    added = await owner.post(f"{base}/questions", json={"questions": [SHIPPING, SILENCE]})
    assert added.status_code == 201
    text = "question,pages\nDo you repair lamps?,/repairs|/lamps\n"
    imported = await owner.post(f"{base}/questions/import", json={"format": "csv", "text": text})
    assert imported.json()[0]["pages"] == ["/repairs", "/lamps"]
    listed = (await owner.get(f"{base}/questions")).json()["data"]
    assert [q["question"] for q in listed] == [SHIPPING["question"], SILENCE["question"], "Do you repair lamps?"]
    for question in listed:
        assert (await owner.delete(f"{base}/questions/{question['id']}")).status_code == 204
    assert (await owner.get(f"{base}/questions")).json()["data"] == []
    assert (await owner.delete(f"{base}/questions/{listed[0]['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("questions", {"questions": [SILENCE, {"question": "a", "pages": ["no page"]}]}, "questions.1"),
        ("questions/import", {"format": "jsonl", "text": '{"question": "a"}\nno'}, "line 2"),
        ("questions/import", {"format": "xml", "text": "<a/>"}, "format"),
    ],
)
async def test_wrong_questions_are_named_and_none_is_taken(owner, base, path, body, said):
    answer = await owner.post(f"{base}/{path}", json=body)
    assert 400 <= answer.status_code < 500
    assert said in answer.text
    assert (await owner.get(f"{base}/questions")).json()["data"] == []


async def test_a_run_is_made_seen_and_accepted(owner, base):
    await owner.post(f"{base}/questions", json={"questions": [SILENCE]})
    made = await owner.post(f"{base}/trials")
    assert made.status_code == 201
    trial = made.json()
    assert (trial["state"], trial["score"], trial["outcomes"][0]["level"]) == ("held", 1.0, "none")
    (listed,) = (await owner.get(f"{base}/trials")).json()["data"]
    assert (listed["id"], "outcomes" in listed, listed["questions"]) == (trial["id"], False, 1)
    assert (await owner.get(f"{base}/trials/{trial['id']}")).json()["outcomes"] == trial["outcomes"]
    assert (await owner.post(f"{base}/trials/{trial['id']}/accept")).status_code == 200


async def test_another_business_finds_neither_questions_nor_runs(world, owner, base):
    await owner.post(f"{base}/questions", json={"questions": [SILENCE]})
    trial = (await owner.post(f"{base}/trials")).json()
    theirs = f"/v1/domains/{world.domains[world.accounts[1]][0].id}"
    async with world.client(**world.key(world.accounts[1], "owner")) as other:
        assert (await other.get(f"{theirs}/questions")).json()["data"] == []
        assert (await other.get(f"{theirs}/trials/{trial['id']}")).status_code == 404
        assert (await other.post(f"{theirs}/trials/{trial['id']}/accept")).status_code == 404


async def test_a_cut_is_set_by_hand_seen_and_given_back(owner, base):
    set_ = await owner.patch(base, json={"settings": {"answer_cut": 0.7}, "despite_fall": True})
    assert set_.json()["settings"]["answer_cut"] == 0.7
    shown = (await owner.get(f"{base}/calibration")).json()
    assert (shown["answer_cut"], shown["by_hand"], shown["looks"]) == (0.7, ["answer_cut"], [])
    await owner.patch(base, json={"settings": {"answer_cut": None}})
    shown = (await owner.post(f"{base}/calibration")).json()
    assert (shown["answer_cut"], shown["by_hand"]) == (0.6, [])


async def test_gaps_are_seen_by_those_who_may_read_conversations(world, owner, base):
    (domain, _) = world.domains[world.accounts[0]]
    _, visitor = await world.runtime.visitors.open(domain, "en")
    async for _ in await world.runtime.conversations.ask(visitor, domain, "Do you ship to Norway?", "key-1", "en"):
        pass
    await world.runtime.gaps.refresh(domain.scope)
    (gap,) = (await owner.get(f"{base}/gaps")).json()["data"]
    assert (gap["example"], gap["people"], gap["reasons"]) == ("Do you ship to Norway?", 1, {"none": 1})
    async with world.client(**world.key(world.accounts[0], "viewer")) as viewer:
        assert (await viewer.get(f"{base}/gaps")).status_code == 403
    async with world.client(**world.key(world.accounts[0], "agent")) as agent:
        assert (await agent.get(f"{base}/gaps")).json()["data"][0]["id"] == gap["id"]
        assert (await agent.post(f"{base}/gaps/{gap['id']}/dismiss")).status_code == 403
    assert (await owner.post(f"{base}/gaps/{gap['id']}/resolve", json={"reference": ""})).status_code == 422
    done = await owner.post(f"{base}/gaps/{gap['id']}/resolve", json={"reference": "curated:1"})
    assert done.status_code == 204
    assert (await owner.get(f"{base}/gaps")).json()["data"] == []
    assert (await owner.get(f"{base}/gaps?state=resolved")).json()["data"][0]["reference"] == "curated:1"
