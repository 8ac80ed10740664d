"""The real gate with the plugin's own declaration as its register, and a ledger in memory."""

from uuid import uuid4

from omniops.errors import ConfigError
from omniops.gate.grants import Allow, Grant
from omniops.gate.service import Gate
from omniops.gate.sockets import dialled
from omniops.privacy.register import ProcessorRegister
from omniops.testing.signed import AllSigned


class LoopbackAllowed:
    """The operator's exceptions: everything on this machine, which is where the tests' servers are."""

    async def find(self, host, port):
        return Allow(host, port, "test")


class Door:
    """A plugin's gate."""

    def __init__(self, plugin, ca):
        self._plugin, self._ca = plugin, ca
        self.calls, self.closings = [], []

    async def opened(self, call):
        self.calls.append(call)
        return uuid4()

    def closed(self, entry, call, closing):
        self.closings.append(closing)

    def http(self, processor, **options):
        raise ConfigError("Mail speaks no HTTP.")

    def dial(self, processor, host, port, *, purpose, categories=(), subjects=(), starttls=None, scope=None):
        declaration = self._plugin().declares()
        register = ProcessorRegister([("mail", declaration)], LoopbackAllowed(), AllSigned(declaration))
        gate = Gate(register, self, ca=self._ca)
        grant = Grant(processor, purpose, scope, tuple(categories), tuple(subjects))
        return dialled(gate, grant, host, port, starttls=starttls)
