"""A provider that calls tools as a test says, as a model outside would."""

from contextlib import asynccontextmanager

from omniops import Info, Plugin, hookimpl
from omniops.contracts.provider import Cap, Deployment, Done, Provider, Started, Text, ToolCall


class ModelProvider(Provider):
    """What it says in each round: a list of texts and calls, or a function of the request that gives one."""

    name = "model"

    def __init__(self):
        self.rounds, self.requests = [["Hello."]], []

    def begin(self, *rounds):
        self.rounds, self.requests = list(rounds), []

    def deployments(self):
        return [Deployment("model/one", self.name, "one", "here", None, caps=Cap.TOOLS)]

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.requests.append(request)
        said = self.rounds[min(len(self.requests), len(self.rounds)) - 1]
        yield self._events(said(request) if callable(said) else said)

    async def _events(self, said):
        yield Started("one")
        for step in said:
            yield Text(step) if isinstance(step, str) else step
        yield Done("tool" if any(isinstance(step, ToolCall) for step in said) else "end")

    def told(self):
        """What its tools gave back, without the marks that core puts around it."""
        texts = [one.text for request in self.requests[-1:] for turn in request.rounds for one in turn.results]
        return [text.split(">>\n", 1)[1].rsplit("\n<<", 1)[0] if ">>\n" in text else text for text in texts]


class ModelPlugin(Plugin):
    """Answers as a test says."""

    info = Info(title="Model", version="1.0", omniops=">=0.1,<0.2")

    def __init__(self, context):
        super().__init__(context)
        self.provider = ModelProvider()

    @hookimpl
    def providers(self):
        return [self.provider]
