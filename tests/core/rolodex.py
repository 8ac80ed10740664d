"""An address book as another system has one."""

from omniops import Info, Plugin, hookimpl
from omniops.contracts.contacts import Contact, Contacts
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Feature, Integration
from omniops.contracts.plugin import Health, PluginSettings

CARDS = "cards"


class Rolodex(Contacts):
    """`cards` are by address; `trouble` is raised; `asked` are the addresses that were looked for, and about whom."""

    feature = CARDS

    def __init__(self):
        self.fill()

    def fill(self, **cards):
        self.cards = {f"{name}@customers.example": card for name, card in cards.items()}
        self.asked, self.trouble = [], None

    async def find(self, link, email, *, subjects):
        self.asked.append((email, *subjects))
        if self.trouble is not None:
            raise self.trouble
        return self.cards.get(email)


class RolodexIntegration(Integration):
    name, title, processor = "rolodex", "Rolodex", "rolodex"
    features = (Feature(CARDS, "Cards"),)

    def __init__(self):
        self.book = Rolodex()

    @property
    def contacts(self):
        return self.book

    async def check(self, connection):
        return Health(True, "It turns.")


class RolodexPlugin(Plugin):
    """An address book."""

    info = Info(title="Rolodex", version="1.0", omniops=">=0.1,<0.2")
    Connection = PluginSettings

    def __init__(self, context):
        super().__init__(context)
        self.integration = RolodexIntegration()

    @hookimpl
    def declares(self):
        processor = Processor(
            key="rolodex",
            name="Rolodex",
            role="customer_chosen",
            hosts=("rolodex.example",),
            countries=("DE",),
            purposes=("connection.use", "support.provide"),
            categories=("contact.email",),
        )
        return Declaration(processors=[processor])

    @hookimpl
    def integrations(self):
        return [self.integration]


ANN_CARD = Contact("Ann Lee", "Lee Ltd", "Pays late.")
