"""`UpstreamSuite` over the plugins of `asking_plugins`. Run by `test_asking.py` in a process of its own."""

import json

from asking_plugins import ALL
from omniops.testing import Fault, Spent, UpstreamSuite, Wire, Written


def line(what, **fields):
    return json.dumps({"is": what, **fields}).encode() + b"\n"


class Lines(Wire):
    content_type = "application/x-ndjson"
    spent = Spent(100, 40, 10, 7)

    def ending(self, stop):
        spent = self.spent
        return line(
            "end", stop=stop, fresh=spent.fresh, read=spent.cache_read, wrote=spent.cache_write, out=spent.output
        )

    def text(self, *pieces, stop="end"):
        return Written(line("start"), tuple(line("text", text=piece) for piece in pieces), self.ending(stop))

    def calls(self, *calls):
        body = ()
        for call in calls:
            half = len(call.arguments) // 2
            body += (
                line("call", id=call.id, name=call.name),
                line("args", args=call.arguments[:half]),
                line("args", args=call.arguments[half:]),
                line("called"),
            )
        return Written(line("start"), body, self.ending("tool"))

    def refused(self, text):
        return Written(line("start"), (line("refuse", text=text),), self.ending("refusal"))

    def error(self, status, message):
        return message.encode()

    def in_band(self):
        return [Fault("overloaded", "overloaded", "other", "deployment", line("error", kind="overloaded"))]

    def broken(self):
        return b'{"is": "te\n'

    def cited(self, text, number, quote):
        cite = line("cite", number=number, quote=quote)
        return Written(line("start"), (line("text", text=text), cite), self.ending("end"))


for name in ALL:
    members = {"plugin_name": name, "wire": Lines(), "settings": {"key": "a-key-that-is-secret"}}
    title = f"Test{name.title()}"
    globals()[title] = type(title, (UpstreamSuite,), {**members, "__module__": __name__})
