"""A website of two pages on this machine that is read twice, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Actor
from omniops.gate.grants import Allow
from omniops.proof.probes.acts import ACTOR
from omniops.proof.probes.keeping import LAST_DAYS, an_account


class PagesAreReplaced(Probe):
    """A page that changes, a page that goes, and an account that is closed."""

    claims = ("P78",)
    sabotages = (
        Sabotage(
            "omniops.knowledge.store:PassageRows.replace",
            "the dropping of an old version",
            lambda whole: _kept_with(whole),
        ),
        Sabotage(
            "omniops.privacy.retention.rules:Rules.periods",
            "the end of website content with its account",
            lambda _: _for_ever,
        ),
    )
    rests_on = (LAST_DAYS.object,)

    async def run(self, stage: Stage) -> str:
        runtime = stage.runtime
        changes, goes, comes = (stage.token(name).lower() for name in ("changes", "goes", "comes"))
        pages = {"/": _page("Home", "Welcome to the shop of the test.", "/changes", "/goes"),
                 "/changes": _page("Delivery", f"Parcels with the code {changes} leave on Mondays."),
                 "/goes": _page("Returns", f"Returns with the code {goes} are free of charge.")}  # fmt: skip
        with _served(pages) as address:
            async with an_account(stage, address) as domain:
                source = await runtime.knowledge.add_source(domain.scope, "site", f"{address}/", actor=Actor.operator())
                runs = _runs(runtime, address)
                await runs.crawl(domain.scope, source.id)
                for word in (changes, goes):
                    hold(await _found(runtime, domain, word), "A page that was read is not found.")
                pages["/"] = _page("Home", "Welcome to the shop of the test, again.", "/changes")
                pages["/changes"] = _page("Delivery", f"Parcels with the code {comes} leave on Tuesdays.")
                del pages["/goes"]
                await runs.crawl(domain.scope, source.id)
                hold(not await _found(runtime, domain, changes), "Words come back that a new reading replaced.")
                hold(not await _found(runtime, domain, goes), "Words of a page come back that is gone.")
                hold(await _found(runtime, domain, comes), "The new words are not found.")
                await runtime.privacy.retention.closing.close(domain.scope.account_id, actor=ACTOR)
                await runtime.privacy.retention.sweep(domain.scope)
                hold(not await _found(runtime, domain, comes), "Words of a website come back whose account is closed.")
                left = "select count(*) from omniops.passage where domain_id = %s"
                hold(
                    await stage.rows(left, domain.id) == [(0,)], "Pieces are left of a website whose account is closed."
                )
        return (
            "A page was changed and another removed: after the next reading neither came back, nor any after closing."
        )


def _page(title: str, text: str, *links: str) -> str:
    more = "".join(f'<p><a href="{link}">More about {link[1:]}</a></p>' for link in links)
    return (
        f"<!doctype html><html lang='en'><head><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p>"
        f"<p>This page belongs to a shop that exists for a test and sells nothing.</p>{more}</main></body></html>"
    )


async def _found(runtime: Any, domain: Any, word: str) -> bool:
    return word in repr((await runtime.knowledge.search(domain.scope, f"the code {word}")).hits)


@contextmanager
def _served(pages: Mapping[str, str]) -> Iterator[str]:
    """The pages on a port of this machine."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Only:
    """One exception to the gate's addresses, which no other process knows."""

    def __init__(self, allow: Allow) -> None:
        self._allow = allow

    async def find(self, host: str, port: int) -> Allow | None:
        return self._allow if (host, port) == (self._allow.host, self._allow.port) else None

    async def all(self) -> list[Allow]:
        return [self._allow]


def _runs(runtime: Any, address: str) -> Any:
    """The runtime's own reading of websites, which may reach this one."""
    allows = _Only(Allow("127.0.0.1", int(address.rpartition(":")[2]), "a proof", plaintext=True))
    runs, gate, register = copy(runtime.knowledge._runs), copy(runtime.gate), copy(runtime.register)
    register._allows, gate.register = allows, register
    runs._gate, runs._allows = gate, allows.all
    return runs


def _kept_with(whole: Any) -> Any:
    async def replace(self: Any, session: Any, scope: Any, read: Any) -> Any:
        stored = await self.passages(scope, None)
        return await whole(self, session, scope, [] if stored.ids else read)

    return replace


async def _for_ever(self: Any, session: Any, scope: Any) -> Any:
    return await self._periods.all(session, scope)
