"""A shop whose notes are a feature that is off until a business wants it, and one that scribbles what it is told.

`test_chosen.py` sees that `IntegrationSuite` tries what its `features` switch on, and notices where nobody did.
"""

from broken_plugins import BROKEN, Stall, stall
from omniops.contracts.integration import Feature
from omniops.contracts.webhook import Arrived

NOTES = "notes"
before = set(BROKEN)


class Optional(Stall):
    features = (Feature(NOTES, "Notes", default=False),)

    def receive(self, webhook, link):
        received = super().receive(webhook, link)
        return type(received)([Arrived(one.what, feature=NOTES) for one in received.things])


@stall
class Picked(Optional):
    """Keeps its promises."""


@stall
class Unpicked(Optional):
    """The same, tried without its feature."""


@stall
class Murmuring(Optional):
    def heard(self, order):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "notes.txt").write_text(f"{order['email']}: {order['note']}")
        return super().heard(order)


ALL = {name: cls for name, cls in BROKEN.items() if name not in before}
globals().update({f"Plugin_{name}": cls for name, cls in ALL.items()})
