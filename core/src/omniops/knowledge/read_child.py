"""The process that reads pages: for each a line of JSON and its bytes in, a line of JSON out. Run by `PageReader`."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import asdict

from omniops.knowledge.files import Unfit, read_file
from omniops.knowledge.formats import Format
from omniops.knowledge.language import detect
from omniops.knowledge.reading import MOST_MEMORY, Reading


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    into, out = sys.stdin.buffer, sys.stdout.buffer
    # The input ends with the parent, however that ended.
    while line := into.readline():
        order = json.loads(line)
        body = into.read(order["bytes"])
        try:
            if "format" in order:
                answer = asdict(_read_file(body, order["name"], order["format"]))
            else:
                answer = asdict(_read(body, order["url"], order["content_type"]))
        except Unfit as error:
            answer = {"unfit": error.problem, "said": str(error)}
        except Exception as error:
            answer = {"broken": type(error).__name__}
        try:
            out.write(json.dumps(answer).encode() + b"\n")
            out.flush()
        except BrokenPipeError:  # the parent is gone
            os._exit(1)


def _read(body: bytes, url: str, content_type: str | None) -> Reading:
    # Here, not above: they take a second, and a child that reads one PDF needs none of them.
    from omniops.knowledge.cut import cut
    from omniops.knowledge.extract import extract
    from omniops.knowledge.structured import read_structured

    document = extract(body, url, content_type)
    head = document.head
    pieces = cut(document, read_structured(head.json_ld, head.markup))
    sample = " ".join(piece.text for piece in pieces[:3])
    return Reading(
        title=head.title or url,
        language=detect(sample, head.language),
        canonical=head.canonical,
        noindex=head.noindex,
        links=head.links,
        pieces=pieces,
        problem=document.problem,
        scripted=document.scripted,
    )


def _read_file(body: bytes, name: str, kind: Format) -> Reading:
    pieces = read_file(body, kind)
    sample = " ".join(piece.text for piece in pieces[:3])
    return Reading(name, detect(sample, ""), None, False, (), pieces, None)


if __name__ == "__main__":
    main()
