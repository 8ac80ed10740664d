"""Does what a page of the docs says: its commands are run, its requests are sent, as a reader would."""

import shlex

import httpx2
from desk import serving
from omniops.cli.app import app
from typer.testing import CliRunner


def command(line):
    """What a command of the page prints; it must succeed."""
    name, *arguments = shlex.split(line)
    assert name == "omniops"
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (line, done.output, done.exception)
    return done.output


async def send(runtime, text, domain, key):
    """A request of the page, as this shop."""
    first, _, body = text.partition("\n")
    method, path = first.split()
    async with serving(runtime) as base, httpx2.AsyncClient(base_url=base, timeout=60) as http:
        answer = await http.request(
            method,
            path.replace("{id}", str(domain.id)),
            content=body.replace("pk_…", domain.widget_key) or None,
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        )
    return answer.status_code, answer.text
