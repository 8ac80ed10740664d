"""A filing cabinet as another system has one: documents with versions, changes that are told, permissions that end."""

import hashlib
import hmac
from dataclasses import dataclass, replace

from omniops import Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.documents import DOCUMENTS_CHANGED, DocumentChanges, DocumentContent, DocumentInfo, DocumentStore
from omniops.contracts.integration import Feature, Integration
from omniops.contracts.plugin import Health, PluginSettings
from omniops.contracts.webhook import Arrived, Event, Received, check_signature
from omniops.errors import NotFound, Rejected
from pydantic import Field, SecretStr

PAPERS = "papers"


@dataclass
class Paper:
    """A document. `seen` is whether the access reaches it."""

    title: str
    text: str
    version: int = 1
    seen: bool = True
    open: bool = False


class Cabinet(DocumentStore):
    """`troubles` are raised when a document is read, by its id; `forgotten` places are known no more."""

    feature = PAPERS

    def __init__(self):
        self.fill()

    def fill(self, **papers):
        self.papers, self.log, self.troubles, self.forgotten, self.asked = papers, [], {}, False, []

    def change(self, number, **changes):
        """Somebody changes a document there; an empty `changes` puts it there as it is."""
        self.papers[number] = replace(self.papers[number], version=self.papers[number].version + 1, **changes)
        self.log.append(number)

    def picker(self, connection):
        return {"client": "public"}

    async def offered(self, link):
        return [DocumentInfo(number, one.title) for number, one in self.papers.items() if one.seen]

    async def read(self, link, document_id, known):
        self.asked.append(document_id)
        if document_id in self.troubles:
            raise self.troubles[document_id]
        paper = self.papers.get(document_id)
        if paper is None or not paper.seen:
            raise NotFound("There is no such paper.")
        if str(paper.version) == known:
            return None
        place = f"https://cabinet.example/{document_id}"
        return DocumentContent(paper.title, paper.text.encode(), "text", str(paper.version), place, paper.open)

    async def begin(self, link):
        return str(len(self.log))

    async def changes(self, link, place):
        if self.forgotten:
            self.forgotten = False
            raise Rejected("This place is too old.", code="bad_cursor")
        end = min(int(place) + 2, len(self.log))
        return DocumentChanges(frozenset(self.log[int(place) : end]), str(end), end < len(self.log))


class CabinetConnection(PluginSettings):
    key: SecretStr = Field(description="Signs what the cabinet tells.")


class CabinetIntegration(Integration):
    """`granted_scopes` are those that the other side gave."""

    name, title, processor = "cabinet", "Cabinet", "cabinet"
    features = (Feature(PAPERS, "Papers", taken="the chosen papers", scopes=("read",)),)
    events = {DOCUMENTS_CHANGED: ()}  # noqa: RUF012

    def __init__(self):
        self.store, self.granted_scopes = Cabinet(), frozenset({"read"})

    @property
    def documents(self):
        return self.store

    def granted(self, connection):
        return self.granted_scopes

    async def check(self, connection):
        return Health(True, "The cabinet is there.")

    def receive(self, webhook, link):
        check_signature([link.connection.key], webhook.body, webhook.header("x-cabinet-signature"))
        return Received([Arrived(Event(webhook.body.decode(), DOCUMENTS_CHANGED))])


def told(number, key):
    """Body and headers of a notice."""
    body = number.encode()
    return body, {"x-cabinet-signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


class CabinetPlugin(Plugin):
    """A filing cabinet."""

    info = Info(title="Cabinet", version="1.0", omniops=">=0.1,<0.2")
    Connection = CabinetConnection

    def __init__(self, context):
        super().__init__(context)
        self.integration = CabinetIntegration()

    @hookimpl
    def declares(self):
        processor = Processor(
            key="cabinet",
            name="Cabinet",
            role="customer_chosen",
            hosts=("cabinet.example",),
            countries=("DE",),
            purposes=("connection.use",),
        )
        return Declaration(processors=[processor])

    @hookimpl
    def integrations(self):
        return [self.integration]
