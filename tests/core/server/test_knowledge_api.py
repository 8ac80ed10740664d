"""The business API for what is known, as programs use it."""

import json
import secrets

import pytest
from omniops.knowledge.formats import MOST_BYTES
from omniops.operations.firsts import OPERATOR

HTML = b"<main><p>Delivery to the islands takes four working days and costs nine pounds.</p></main>"
QUESTION = "How long does delivery to the islands take?"


@pytest.fixture
async def domain(world):
    """A domain whose host is known to be the business's own: the operator says so."""
    host = f"{secrets.token_hex(4)}.example"
    domain = await world.runtime.accounts.add_domain(world.accounts[0], host, [f"https://{host}"], actor=OPERATOR)
    await world.runtime.knowledge.ownership.claim(domain.scope, host, actor=OPERATOR)
    return domain


@pytest.fixture
async def api(world, domain):
    """An admin's key, with paths below the domain."""
    async with world.client(**world.key(world.accounts[0], "admin")) as client:
        client.base_url = f"{world.base}/v1/domains/{domain.id}/"
        yield client


async def hits(api):
    found = await api.get("search", params={"q": QUESTION})
    return [hit["text"] for hit in found.json()["hits"]]


async def test_a_file_is_uploaded_found_fetched_replaced_and_deleted(api):
    made = await api.post("documents", params={"name": "Lieferung ü.html"}, content=HTML)
    assert made.status_code == 201
    document = made.json()
    assert (document["name"], document["format"], document["size"]) == ("Lieferung ü.html", "html", len(HTML))
    assert await hits(api) == ["Delivery to the islands takes four working days and costs nine pounds."]
    path = f"documents/{document['id']}"
    file = await api.get(f"{path}/file")
    assert file.content == HTML
    assert file.headers["content-type"] == "application/octet-stream", "never shown by a browser"
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''Lieferung%20%C3%BC.html"
    assert file.headers["x-content-type-options"] == "nosniff"
    replaced = await api.put(path, content=HTML.replace(b"four", b"six"))
    assert replaced.status_code == 200
    assert "six working days" in (await hits(api))[0]
    assert (await api.get("documents")).json()["data"] == [replaced.json()]
    assert (await api.delete(path)).status_code == 204
    assert await hits(api) == []
    assert {(await api.get(p)).status_code for p in (path, f"{path}/file")} == {404}


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("a.pdf", b"no pdf", 422, "broken_pdf"),
        ("a.csv", b"a,b\n1,2\n", 422, "csv_columns"),
        ("a.exe", b"MZ", 422, "unknown_format"),
        ("a.txt", b"", 422, "empty_file"),
        ("a.txt", b"x" * (MOST_BYTES + 1), 413, "too_large"),
        (None, b"x", 422, "invalid"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_a_problem_document(api, name, content, status, code):
    answer = await api.post("documents", params={"name": name} if name else {}, content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")
    assert (await api.get("documents")).json()["data"] == []


async def test_a_body_without_a_length_is_counted(api):
    async def long():
        for _ in range(MOST_BYTES // 2**20 + 2):
            yield bytes(2**20)

    answer = await api.post("documents", params={"name": "a.txt"}, content=long())
    assert answer.status_code == 413
    assert (await api.get("documents")).json()["data"] == []


async def test_only_files_may_be_large(api):
    answer = await api.post("answers", content=json.dumps({"questions": ["Why?"], "answer": "x" * 70_000}))
    assert answer.status_code == 413


async def test_a_pasted_page_and_a_curated_answer(api):
    page = await api.post("pasted", json={"title": "Notes", "text": "# Islands\n\nNine pounds, four days."})
    assert (page.status_code, page.json()["format"]) == (201, "markdown")
    made = await api.post("answers", json={"questions": [QUESTION], "answer": "Four days.", "link": None})
    assert made.status_code == 201
    answer = made.json()
    assert await hits(api) == ["Four days.", "Nine pounds, four days."]
    body = {"questions": [QUESTION, "When?"], "answer": "Six days.", "link": "https://shop.example/d"}
    changed = await api.put(f"answers/{answer['id']}", json=body)
    assert changed.json() == (await api.get(f"answers/{answer['id']}")).json()
    assert {key: changed.json()[key] for key in body} == body
    assert [a["id"] for a in (await api.get("answers")).json()["data"]] == [answer["id"]]
    assert (await api.delete(f"answers/{answer['id']}")).status_code == 204
    assert (await api.get(f"answers/{answer['id']}")).status_code == 404
    wrong = await api.post("answers", json={"questions": ["Why?"], "answer": "So.", "link": "javascript:alert(1)"})
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["where"]) == (422, "bad_url", "link")


async def test_a_source_is_added_narrowed_paused_and_removed(api, domain):
    url = domain.origins[0]
    body = {"kind": "sitemap", "url": f"{url}/map.xml", "exclude": ["/blog/*"]}
    made = await api.post("sources", json=body)
    assert made.status_code == 201
    source = made.json()
    assert (source["kind"], source["exclude"], source["paused_at"]) == ("sitemap", ["/blog/*"], None)
    path = f"sources/{source['id']}"
    paused = (await api.patch(path, json={"paused": True, "include": ["/shop/*"]})).json()
    assert (bool(paused["paused_at"]), paused["include"], paused["exclude"]) == (True, ["/shop/*"], ["/blog/*"])
    for refused in (await api.post(f"{path}/crawl"), await api.post(f"{path}/pages", json={"urls": [f"{url}/shop/a"]})):
        assert (refused.status_code, refused.json()["code"]) == (409, "paused")
    assert (await api.patch(path, json={"paused": False})).json()["paused_at"] is None
    told = await api.post(f"{path}/pages", json={"urls": [f"{url}/shop/a#x"]})
    assert (told.status_code, told.json()) == (202, {"urls": [f"{url}/shop/a"]})
    for urls in ([], [f"{url}/shop/{n}" for n in range(101)]):
        assert (await api.post(f"{path}/pages", json={"urls": urls})).status_code == 422
    bad = await api.patch(path, json={"exclude": ["blog"]})
    assert (bad.status_code, bad.json()["code"], bad.json()["where"]) == (422, "bad_pattern", "exclude")
    assert (await api.delete(path)).status_code == 204
    assert (await api.get("sources")).json()["data"] == []
    assert {(await api.get(path)).status_code, (await api.delete(path)).status_code} == {404}


async def test_what_is_of_another_domain_is_not_there(world, api, domain):
    document = (await api.post("documents", params={"name": "a.html"}, content=HTML)).json()["id"]
    answer = (await api.post("answers", json={"questions": ["Why?"], "answer": "So."})).json()["id"]
    source = (await api.post("sources", json={"url": domain.origins[0]})).json()["id"]
    sibling = world.domains[world.accounts[0]][1].id
    calls = [
        ("GET", f"documents/{document}", None),
        ("GET", f"documents/{document}/file", None),
        ("DELETE", f"documents/{document}", None),
        ("GET", f"answers/{answer}", None),
        ("PUT", f"answers/{answer}", {"questions": ["Why?"], "answer": "No."}),
        ("DELETE", f"answers/{answer}", None),
        ("GET", f"sources/{source}", None),
        ("PATCH", f"sources/{source}", {"paused": True}),
        ("POST", f"sources/{source}/crawl", None),
        ("POST", f"sources/{source}/pages", {"urls": ["https://one1.example/"]}),
        ("DELETE", f"sources/{source}", None),
    ]
    async with world.client(**world.key(world.accounts[0], "owner")) as owner:
        for method, path, body in calls:
            theirs = await owner.request(method, f"/v1/domains/{sibling}/{path}", json=body)
            assert theirs.status_code == 404, (method, path, theirs.text)
    for path in (f"documents/{document}", f"answers/{answer}", f"sources/{source}"):
        assert (await api.get(path)).status_code == 200


async def test_who_only_reads_changes_nothing(world, domain):
    async with world.client(**world.key(world.accounts[0], "viewer")) as viewer:
        base = f"/v1/domains/{domain.id}"
        assert (await viewer.get(f"{base}/answers")).status_code == 200
        body = {"questions": ["Why?"], "answer": "So."}
        assert (await viewer.post(f"{base}/answers", json=body)).status_code == 403
        assert (await viewer.post(f"{base}/documents", params={"name": "a.html"}, content=HTML)).status_code == 403
