"""The suites of every plugin, integration, channel and store; and Google's own client against the double."""

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httplib2
import httpx2
import pytest
from fake_google import AUTH, WHO, Google
from google_app import AUDIENCE, OPERATORS, PUSHER
from google_files import SHEET, sheet
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from omniops.contracts.ids import new_id
from omniops.contracts.oauth import Tokens
from omniops.contracts.webhook import Webhook
from omniops.errors import Permanent
from omniops.testing import AnsweringGate, CalendarSuite, ChannelSuite, IntegrationSuite, PluginSuite, link_of
from omniops.testing.upstream import Answer, Exchange
from omniops_google.settings import GoogleConnection, GoogleSettings
from pydantic import SecretStr, ValidationError

NEEDED = (
    *("calendar.freebusy", "calendar.events.owned", "gmail.readonly", "gmail.send"),
    *("drive.file", "contacts.readonly"),
)
SCOPES = [*WHO, *(f"{AUTH}{one}" for one in NEEDED)]


class InProcess(AnsweringGate):
    """Google behind the plugin, without a socket."""

    def __init__(self, google):
        self.google = google
        super().__init__(self._answered, processors=["google-workspace"])

    def _answered(self, request):
        exchange = Exchange(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        answer = self.google.answer(exchange)
        if answer.before:
            raise httpx2.ReadError("the answer was lost", request=request)
        return httpx2.Response(answer.status, content=b"".join(answer.steps), headers=dict(answer.headers))


@pytest.fixture
def google():
    made = Google()
    yield made
    assert made.wrong == []


@pytest.fixture
def account(google):
    return google.account("shop@shop.example")


def tokens_of(google, account):
    """What Google gives for access, and takes now."""
    refresh = f"1//{new_id().hex}"
    google.refreshing[refresh] = (account, SCOPES)
    return Tokens(
        access=SecretStr(google.token(account, SCOPES)),
        refresh=SecretStr(refresh),
        expires_at=datetime.now(UTC) + timedelta(seconds=google.lifetime),
        scopes=frozenset(SCOPES),
        extra={"sub": account.sub, "email": account.email},
    )


class TestGoogle(PluginSuite):
    plugin_name = "google"
    settings: ClassVar[dict[str, Any]] = OPERATORS


class TestGoogleNotSetUp(PluginSuite):
    plugin_name = "google"


class TestIntegration(IntegrationSuite):
    plugin_name = "google"
    settings: ClassVar[dict[str, Any]] = OPERATORS
    signature_header = "authorization"
    signs_body = False

    @pytest.fixture
    def gate(self, google):
        return InProcess(google)

    @pytest.fixture
    def tokens(self, google, account):
        return tokens_of(google, account)

    @pytest.fixture
    def connection(self, tokens):
        return GoogleConnection(tokens=tokens, label="Label_7")

    @pytest.fixture
    def sign(self, integration, google, account):
        """As Pub/Sub sends; the integration has Google's keys by then, as core sees to."""

        def sign(body):
            headers, _ = google.push(account, audience=AUDIENCE, account_of=PUSHER)
            lower = [(name.lower(), value) for name, value in headers.items()]
            return Webhook("POST", "https://omniops.example/", lower, {}, body, datetime.now(UTC))

        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, integration.prepare(sign(b""))).result()
        return sign

    @pytest.fixture
    def sample(self, google, account):
        return google.push(account, audience=AUDIENCE, account_of=PUSHER, number="2070443601311540")[1]

    @pytest.fixture
    def another(self, google):
        return GoogleConnection(tokens=tokens_of(google, google.account("other@shop.example")), label="Label_7")

    @pytest.fixture
    def link(self, connection):
        every = ["times", "booking", "mail", "documents", "contacts", "contact_notes"]
        return link_of(connection, kind="google", features=every)

    @pytest.fixture
    def document(self, google, account):
        return google.put(account, "Prices", "A table costs 900 euros.").id

    @pytest.fixture
    def change(self, google, account):
        """Somebody changes a document, or, with `gone`, puts it into the bin."""

        def change(number, *, gone=False):
            google.touch(account, account.files[number], trashed=gone)

        return change

    @pytest.fixture
    def contact(self, google, account):
        google.note(account, "Ann Lee", "Ann@omniops.example", company="Lee Ltd")
        return "ann@omniops.example"

    @pytest.fixture
    def bad_connection(self, tokens):
        return GoogleConnection(tokens=tokens.model_copy(update={"access": SecretStr("ya29.bad")}))


class TestChannel(ChannelSuite):
    plugin_name = "google"
    settings: ClassVar[dict[str, Any]] = OPERATORS

    @pytest.fixture
    def gate(self, google):
        return InProcess(google)

    @pytest.fixture
    def connection(self, google, account):
        return GoogleConnection(tokens=tokens_of(google, account), label="Label_7")

    @pytest.fixture
    def received(self, gate):
        def seen():
            sent = [one for one in gate.requests if one.url.path.endswith("/messages/send")]
            return [base64.urlsafe_b64decode(json.loads(one.content)["raw"]).decode() for one in sent]

        return seen

    def message(self, connection, text="TheAnswerItself", disclosure=None):
        return replace(super().message(connection, text, disclosure), recipient="ann@visitor.example")

    @pytest.mark.parametrize("recipient", ["", "nobody", "a@b.example\r\nBcc: c@d.example"])
    async def test_who_cannot_be_written_to_is_not(self, channel, connection, google, recipient):
        with pytest.raises(Permanent):
            await channel.send(replace(self.message(connection), recipient=recipient))
        assert google.count("gmail.users.messages.send") == 0


class TestCalendar(CalendarSuite):
    """Its calendar."""

    plugin_name = "google"
    settings: ClassVar[dict[str, Any]] = OPERATORS

    @pytest.fixture
    def gate(self, google):
        return InProcess(google)

    @pytest.fixture
    def connection(self, google, account):
        return GoogleConnection(tokens=tokens_of(google, account))

    @pytest.fixture
    def taken(self, google, account):
        return lambda span, about: google.enter(account, span.start, span.end, summary=about)

    @pytest.fixture
    def entries(self, google, account):
        return lambda: [json.dumps(one) for one in google.live(account)]

    @pytest.fixture
    def lose(self, google):
        return lambda: google.lost.append("calendar.events.insert")

    @pytest.fixture
    def unwell(self, google):
        return lambda status, body: setattr(google, "away", Answer([body.encode()], status))


class Transport(httplib2.Http):
    """Google's own client speaks to the double."""

    def __init__(self, google, token):
        super().__init__()
        self.google, self.token = google, token

    def request(self, uri, method="GET", body=None, headers=None, **options):
        path = "/" + uri.split("/", 3)[3]
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        answer = self.google.answer(Exchange(method, path, given, (body or "").encode()))
        return httplib2.Response({"status": answer.status, **answer.headers}), b"".join(answer.steps)


async def test_googles_own_client_speaks_with_the_double(google, account):
    """So the double is no mirror of this plugin: another client, by Google itself, finds its way."""
    http = Transport(google, google.token(account, SCOPES))
    calendar = build("calendar", "v3", http=http, static_discovery=True)
    event = {
        "id": "abcde12345",
        "summary": "Visit",
        "start": {"dateTime": "2026-12-01T09:00:00Z"},
        "end": {"dateTime": "2026-12-01T10:00:00Z"},
    }
    made = calendar.events().insert(calendarId="primary", body=event, sendUpdates="all").execute()
    assert made["status"] == "confirmed"
    with pytest.raises(HttpError) as doubled:
        calendar.events().insert(calendarId="primary", body=event).execute()
    assert doubled.value.resp.status == 409
    asked = {"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2026-12-02T00:00:00Z", "items": [{"id": "primary"}]}
    busy = calendar.freebusy().query(body=asked).execute()["calendars"]["primary"]["busy"]
    assert busy == [{"start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z"}]
    listed = calendar.events().list(calendarId="primary", timeMin="2026-11-01T00:00:00Z").execute()
    calendar.events().delete(calendarId="primary", eventId="abcde12345").execute()
    later = calendar.events().list(calendarId="primary", syncToken=listed["nextSyncToken"]).execute()
    assert [one["status"] for one in later["items"]] == ["cancelled"]


async def test_googles_own_client_reads_and_sends_the_doubles_mail(google, account):
    gmail = build("gmail", "v1", http=Transport(google, google.token(account, SCOPES)), static_discovery=True).users()
    start = gmail.getProfile(userId="me").execute()["historyId"]
    kept = google.write(account, "Hello")
    page = gmail.history().list(userId="me", startHistoryId=start, historyTypes=["messageAdded"]).execute()
    (added,) = page["history"][0]["messagesAdded"]
    assert added["message"]["id"] == kept["id"]
    got = gmail.messages().get(userId="me", id=kept["id"], format="raw").execute()
    assert b"Hello" in base64.urlsafe_b64decode(got["raw"])
    sent = gmail.messages().send(userId="me", body={"raw": got["raw"], "threadId": kept["threadId"]}).execute()
    assert (sent["threadId"], sent["labelIds"]) == (kept["threadId"], ["SENT"])
    assert gmail.watch(userId="me", body={"topicName": "projects/p/topics/t", "labelIds": ["INBOX"]}).execute()


async def test_googles_own_client_reads_the_doubles_files_and_contacts(google, account):
    http = Transport(google, google.token(account, SCOPES))
    drive = build("drive", "v3", http=http, static_discovery=True)
    place = drive.changes().getStartPageToken().execute()["startPageToken"]
    doc, hidden = google.put(account, "Prices", "900 euros"), google.put(account, "Diary", "dear diary", picked=False)
    assert drive.files().export(fileId=doc.id, mimeType="text/markdown").execute() == b"900 euros"
    text = google.put(account, "a.txt", "plain", "text/plain")
    assert drive.files().get_media(fileId=text.id).execute() == b"plain"
    with pytest.raises(HttpError) as unseen:
        drive.files().get(fileId=hidden.id).execute()
    assert unseen.value.resp.status == 404
    told = drive.changes().list(pageToken=place, includeRemoved=True).execute()
    assert [(one["fileId"], one["removed"]) for one in told["changes"]] == [
        (doc.id, False),
        (hidden.id, True),
        (text.id, False),
    ]
    table = google.put(account, "Benches", mime=SHEET)
    table.sheets = [sheet("Prices", ("Oak bench", "120"))]
    sheets = build("sheets", "v4", http=http, static_discovery=True).spreadsheets()
    read = sheets.get(spreadsheetId=table.id, includeGridData=True).execute()
    assert read["sheets"][0]["data"][0]["rowData"][0]["values"][1]["formattedValue"] == "120"
    people = build("people", "v1", http=http, static_discovery=True).people()
    google.note(account, "Ann Lee", "ann@visitor.example")
    asked = {"readMask": "names", "query": "ann"}
    assert people.searchContacts(**asked).execute() == {"results": []}, "before its index is warmed up"
    people.searchContacts(**asked | {"query": ""}).execute()
    (found,) = people.searchContacts(**asked).execute()["results"]
    assert set(found["person"]) == {"resourceName", "etag", "names"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/drive/v3/files/f/download", None),
        ("GET", "/drive/v3/changes", None),
        ("GET", "/v1/people:searchContacts?readMask=names&email=a", None),
        ("GET", "/calendar/v3/calendars/primary/events?everything=true", None),
        ("GET", "/calendar/v3/calendars/primary/events?fields=items(secret)", None),
        ("POST", "/calendar/v3/freeBusy", {"timeMin": "2026-12-01T00:00:00Z", "who": "me"}),
        ("POST", "/calendar/v3/freebusy", {}),
        ("GET", "/gmail/v1/users/me/everything", None),
    ],
)
async def test_what_is_not_published_fails(account, method, path, body):
    google = Google()
    token = google.token(account, SCOPES)
    content = json.dumps(body).encode() if body is not None else b""
    answer = google.answer(Exchange(method, path, {"authorization": f"Bearer {token}"}, content))
    assert answer.status in (400, 404)
    assert google.wrong


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "http://google.test"},
        {"base_url": "https://google.test/path"},
        {"topic": "mail"},
        {"push_account": "nobody"},
        {"tls": "1.1"},
    ],
)
def test_settings_that_cannot_be_are_refused(values):
    with pytest.raises(ValidationError):
        GoogleSettings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"zone": "Mars/Olympus"},
        {"weekdays": "someday"},
        {"weekdays": ""},
        {"opens": "9"},
        {"opens": "18:00"},
        {"minutes": 0},
        {"calendar": "two words"},
        {"label": "a/b"},
    ],
)
def test_a_connection_that_cannot_be_is_refused(values):
    with pytest.raises(ValidationError):
        GoogleConnection(**values)
