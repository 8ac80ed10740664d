"""Calendars in memory: two plugins, each with one, as two that a business connected."""

from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.calendar import APPOINTMENT_EVENTS, RULES, AppointmentRules, Calendar, Entry
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Feature, Integration
from omniops.errors import NotReady
from omniops.operations.firsts import OPERATOR


class DiaryCalendar(Calendar):
    """`entries` by key. While `away` nothing is answered; `lost`: the next one is entered, and nobody learns of it."""

    times, booking = "times", "booking"

    def __init__(self):
        self.begin()

    def begin(self):
        self.entries, self.taken, self.away, self.lost, self.asked, self.told = {}, [], False, False, 0, []

    def ask(self):
        self.asked += 1
        if self.away:
            raise NotReady("The diary is away.")

    async def busy(self, link, within):
        self.ask()
        spans = [*self.taken, *(wish.span for wish in self.entries.values())]
        return [one for one in spans if one.meets(within)]

    async def enter(self, link, wish):
        self.ask()
        self.entries[wish.key] = wish
        if self.lost:
            self.lost = False
            raise NotReady("The diary did not answer.")
        return f"entry-{wish.key}"

    async def find(self, link, key):
        self.ask()
        return f"entry-{key}" if key in self.entries else None

    async def shown(self, link, entry):
        self.ask()
        wish = self.entries.get(entry.removeprefix("entry-"))
        shown = {"name": wish.name, "email": wish.email, "topic": wish.topic} if wish else {}
        return Entry(wish.span, shown) if wish else None

    async def remove(self, link, entry, *, tell):
        self.ask()
        if self.entries.pop(entry.removeprefix("entry-"), None) is not None:
            self.told.append(tell)


class DiaryIntegration(Integration):
    Connection = AppointmentRules
    changeable = RULES
    features = (Feature("times", "Free times"), Feature("booking", "Appointments", default=False))
    events = APPOINTMENT_EVENTS

    def __init__(self, name):
        self.name = self.processor = name
        self.title, self.own = name.title(), DiaryCalendar()

    @property
    def calendar(self):
        return self.own

    async def check(self, connection):
        return Health(True, "The diary is there.")


class DiaryPlugin(Plugin):
    """A diary."""

    name = "diary"
    info = Info(title="Diary", version="1.0", omniops=">=0.1,<0.2")
    Connection = AppointmentRules

    def __init__(self, context):
        super().__init__(context)
        self.integration = DiaryIntegration(self.name)

    @hookimpl
    def declares(self):
        host = f"{self.name}.example"
        purposes = ("support.provide",)
        return Declaration(
            processors=[Processor(self.name, "Diary Ltd", "customer_chosen", (host,), ("DE",), purposes)]
        )

    @hookimpl
    def integrations(self):
        return [self.integration]


class PlannerPlugin(DiaryPlugin):
    """Another diary."""

    name = "planner"


async def connected(desk, plugin, *, booking=True, **rules):
    """A connection of the desk's domain to one of them."""
    scope = desk.domain.scope
    given = {"weekdays": "mon tue wed thu fri sat sun", "zone": "Europe/Berlin", **rules}
    await desk.runtime.accounts.switch(scope, plugin, on=True, actor=OPERATOR)
    view = await desk.runtime.connections.connect(scope, plugin, given, actor=OPERATOR)
    if booking:
        await desk.runtime.connections.switch(scope, view.id, "booking", on=True, actor=OPERATOR)
    return view
