"""The double takes what Microsoft publishes, and nothing else: what it would swallow, no other test could show."""

import json

import pytest
from ms_graph import CLIENT, CLIENT_SECRET, TENANT, Graph
from ms_published import FACTS, call_of, strange
from omniops.testing.upstream import Exchange

EVERYTHING = ("Mail.Read", "Mail.Send", "Calendars.ReadWrite", "ChannelMessage.Send", "ChannelMessage.Read.All")


@pytest.fixture
def asked():
    """Asks a fresh double. Gives the status, and what it notes as wrong."""
    graph = Graph()
    graph.base = "https://graph.microsoft.com"
    account = graph.account()
    account.channel = account.teams.channel("Support")
    token = graph.token(account, *EVERYTHING)

    async def asked(method, path, body=None):
        headers = {"authorization": f"Bearer {token}"}
        content = json.dumps(body).encode() if body is not None else b""
        answer = await graph.answer(Exchange(method, path.replace("CHANNEL", account.channel), headers, content))
        return answer.status, graph.wrong

    return asked


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1.0/me/contacts", None),
        ("GET", "/v1.0/me/drive/root/children", None),
        ("GET", "/beta/me", None),
        ("DELETE", "/v1.0/me/messages/AAMk", None),
        ("GET", "/v1.0/me?$select=id,favouriteColour", None),
        ("GET", "/v1.0/me/mailFolders?$colour=red", None),
        ("POST", "/v1.0/me/messages/AAMk/reply", {"message": {"body": {"contentType": "text", "words": "x"}}}),
        ("POST", "/v1.0/me/messages/AAMk/reply", {"text": "x"}),
        ("POST", "/v1.0/me/messages/AAMk/reply", {"message": {"toRecipients": {"emailAddress": {}}}}),
        ("POST", "/v1.0/me/events", {"title": "x"}),
        ("POST", "/v1.0/me/events", {"attendees": [{"emailAddress": {"mail": "x"}}]}),
        ("POST", "/v1.0/subscriptions", {"resource": "me/drive/root", "changeType": "updated"}),
    ],
)
async def test_what_is_not_published_is_refused_and_noted(asked, method, path, body):
    status, wrong = await asked(method, path, body)
    assert status == 400
    assert len(wrong) == 1


async def test_what_is_published_needs_its_permission(asked):
    assert await asked("GET", "/v1.0/me") == (200, [])
    assert await asked("GET", "/v1.0/me/mailFolders?$top=1") == (200, [])
    assert (await asked("GET", "/v1.0/me/joinedTeams")) == (403, []), "Team.ReadBasic.All was not granted"


async def test_a_client_that_is_not_the_apps_gets_no_token():
    graph = Graph()
    form = f"grant_type=refresh_token&refresh_token=x&client_id={CLIENT}&client_secret={CLIENT_SECRET}x".encode()
    answer = await graph.answer(Exchange("POST", f"/{TENANT}/oauth2/v2.0/token", {}, form))
    assert answer.status == 401


def test_the_facts_say_where_they_come_from():
    assert FACTS["source"].startswith("msgraph_sdk-")
    assert len(FACTS["sha256"]) == 64
    assert call_of("GET", "/me/mailFolders('AA%2F')/messages/delta") == (
        "GET /users/{}/mailFolders/{}/messages/delta",
        ["me", "AA/"],
    )
    assert strange({"id": "1", "@odata.etag": "x"}, "Message") == []
    assert strange({"uniqueBody": {"contentType": "text", "content": "x", "html": "y"}}, "Message") == [
        "uniqueBody.html"
    ]
