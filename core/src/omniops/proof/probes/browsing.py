"""What a browser gets: storage, cookies, and who it is sent to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from httpx2 import AsyncClient

from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Scope
from omniops.gate.grants import Grant
from omniops.proof.probes.acts import ACTOR, HEADERS, REGISTER, ask, example_host, not_let_through

ADDRESS = re.compile(r"(?:https?:)?//[a-z0-9][a-z0-9.-]*\.[a-z]{2,}[^\s\"'`<>)]*", re.IGNORECASE)
LOADS = re.compile(r"""(?:src|href|action|data)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)""", re.IGNORECASE)
NAMES_ONLY = frozenset({"www.w3.org"})
"""Names of standards inside files; nothing is fetched from them."""


async def _public(stage: Stage, client: AsyncClient) -> dict[str, Any]:
    """Everything that a visitor's browser can be given before it does anything, by path."""
    key = stage.domain.widget_key
    found = {}
    for path in (
        "/cookies", "/privacy", f"/try?key={key}", f"/frame?key={key}&origin={stage.domain.origins[0]}",
        f"/widget.js?key={key}", "/consent.js", f"/v1/visitor/config?key={key}", *stage.scripts(),
    ):  # fmt: skip
        answer = await client.get(path)
        hold(answer.status_code == 200, f"{path} was answered with {answer.status_code}.")
        found[path] = answer
    return found


class NothingBeforeAChoice(Probe):
    """A fresh browser that opens everything and chooses nothing."""

    claims = ("P110",)
    sabotages = (
        Sabotage(
            HEADERS,
            "the rule that answers set nothing",
            lambda headers: [*headers, (b"set-cookie", b"visit=1; Path=/")],
        ),
    )

    async def run(self, stage: Stage) -> str:
        catalog = stage.runtime.catalog
        essential = {c.name for c in catalog.cookies if catalog.purposes[c.purpose].basis != "consent"}
        async with stage.http() as client:
            answers = await _public(stage, client)
            for path, answer in answers.items():
                names = {value.partition("=")[0] for value in answer.headers.get_list("set-cookie")}
                hold(names <= essential, f"{path} sets {', '.join(names)}.")
        async with stage.page() as page:
            await ask(page, "Is anything stored?")
            hold(not list(page.cookies.jar), "The chat sets a cookie.")
        return f"A fresh browser opened {len(answers)} pages and scripts and chatted; nothing was set."


class CookiePageIsTrue(Probe):
    """A member's sign-in, compared with the page of cookies."""

    claims = ("P113",)
    sabotages = (Sabotage("runtime:catalog", "the list behind the page of cookies", lambda c: replace(c, cookies=())),)

    async def run(self, stage: Stage) -> str:
        members, account = stage.runtime.members, stage.other.scope.account_id
        email, password = f"{stage.token('member')}@proof.invalid", f"a sentence about {stage.token('x')}"
        token = await members.setup_link(account)
        await members.finish_setup(token, email=email, name="", password=password)
        try:
            async with stage.http() as client:
                signed = await client.post("/v1/session", json={"email": email, "password": password})
                hold(signed.status_code == 204, f"Signing in was answered with {signed.status_code}.")
                page = (await client.get("/cookies")).text
                for value in signed.headers.get_list("set-cookie"):
                    name, age = value.partition("=")[0], re.search(r"max-age=(\d+)", value, re.IGNORECASE)
                    days = int(age[1]) // 86_400 if age else 0
                    line = next((part for part in page.split("<li>") if f"<code>{name}</code>" in part), "")
                    hold(line, f"The page of cookies lacks {name}.")
                    hold(f"{days} days" in line, f"The page does not say that {name} lasts {days} days.")
            for cookie in stage.runtime.catalog.cookies:
                hold(cookie.name.replace("<", "&lt;").replace(">", "&gt;") in page, f"The page lacks {cookie.name}.")
        finally:
            subjects = await stage.rows(
                "select id from omniops.subject where home_id = %s and kind = 'member' and erased_at is null", account
            )
            for (subject,) in subjects:
                await stage.runtime.privacy.erasure.erase(Scope(account), subject, actor=ACTOR)
        return "What signing in sets stands on the page with its name and days, and so does every declared entry."


class NoOtherServers(Probe):
    """Every public page and script, searched for other servers; and a call for advertising."""

    claims = ("P126",)
    sabotages = (
        Sabotage(
            "omniops.server.consent:render",
            "the rule that pages load from here only",
            lambda whole: lambda *a, **v: whole(*a, **v) + '<script src="https://ads.example/a.js"></script>',
        ),
    )
    rests_on = (REGISTER,)

    async def run(self, stage: Stage) -> str:
        own = {urlsplit(stage.runtime.settings.public_url).netloc, *(urlsplit(o).netloc for o in stage.domain.origins)}
        async with stage.http() as client:
            answers = await _public(stage, client)
        for path, answer in answers.items():
            kind = answer.headers.get("content-type", "")
            found = LOADS.findall(answer.text) if "html" in kind else ADDRESS.findall(answer.text)
            for address in found:
                host = urlsplit(address if ":" in address else f"https:{address}").netloc
                hold(host in own | NAMES_ONLY, f"{path} names the server {host}.")
        entries = stage.runtime.register.all()
        for entry in entries:
            host = example_host(entry.processor)
            await not_let_through(stage, host, Grant(entry.processor.key, "advertising", hosts=frozenset({host})))
        await not_let_through(stage, "ads.invalid", Grant("ads", "advertising"))
        said = f"{len(answers)} pages and scripts name no other server"
        return f"{said}; advertising was refused to {len(entries) + 1} recipients."
