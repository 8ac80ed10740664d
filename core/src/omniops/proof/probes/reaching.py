"""How people reach us and their choices: the address, complaints, and the way to the choices on every page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin, urlsplit

from omniops.contracts.proof import Probe, Sabotage, Stage, Waits, hold
from omniops.privacy.rights.clocks import Course, dues, regimes_of, strictest
from omniops.proof.facts import facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.asking import asks, done, refuse

CONTACT = "/.well-known/omniops-contact.json"
MOST_DAYS = 30
CENTRE = "/preferences"
LINK = re.compile(r"""<a\b[^>]*\bhref=["']([^"']+)["']""", re.IGNORECASE)


class ComplaintsAreConfirmed(Probe):
    """The contact file against the policy, and a complaint on the page and in a session."""

    claims = ("P128",)
    sabotages = (
        Sabotage("omniops.privacy.rights.letters:Letters.at_once", "the letter that confirms", lambda _: _unwritten),
    )

    async def run(self, stage: Stage) -> str:
        runtime = stage.runtime
        settings = runtime.settings
        if not (settings.legal_name and settings.postal_address and settings.privacy_email):
            raise Waits("the settings legal_name, postal_address and privacy_email")
        async with stage.http() as client:
            told = await done(client.get(CONTACT))
            sentence = operator_policy(facts(runtime)).sentence_of("P128")
            for name in ("legal_name", "postal_address", "email"):
                found = sentence is not None and told[name] and told[name] in sentence.text
                hold(found, f"The contact file and the policy differ in {name}.")
            form_page = await client.get(urlsplit(told["complaints"]).path.replace("{key}", stage.domain.widget_key))
            hold(form_page.status_code == 200, f"The page of complaints was answered with {form_page.status_code}.")
            form = {"right": "complaint", "email": f"{stage.token('complains')}@proof.invalid"}
            answer = await client.post(f"/rights/{stage.domain.widget_key}", data=form)
            hold(answer.status_code == 200, f"A complaint was answered with {answer.status_code}.")
        statement = (
            "select id, confirmed_at, received_at, (select count(*) from omniops.rights_letter l where l.case_id = c.id"
            " and l.state = 'sent') from omniops.rights_case c where domain_id = %s and \"right\" = 'complaint'"
            " and channel = 'page' order by id desc limit 1"
        )
        ((case, confirmed, received, letters),) = await stage.rows(statement, stage.domain.id)
        hold(letters == 1 and confirmed, "Nobody confirmed a complaint.")
        term = strictest(dues("complaint", regimes_of("UK", ""), Course(received.date())), "acknowledge")
        hold(term and (term.day - received.date()).days <= MOST_DAYS, f"A complaint has more than {MOST_DAYS} days.")
        async with stage.page() as page, stage.office() as office:
            own = await asks(page, "complaint")
            for one in (str(case), own["id"]):
                await refuse(office, f"/v1/domains/{stage.domain.id}/cases/{one}")
        return "The contact file says what the policy says; a complaint was confirmed at once."


async def _unwritten(*_: Any, **__: Any) -> None:
    return None


class ChoicesAreNear(Probe):
    """Every public page, by the links of the others, searched for the way to the choices; and the chat's own."""

    claims = ("P112",)
    sabotages = (
        Sabotage("omniops.web.pages:_environment", "the links to the choices", lambda whole: _unlinked(whole)),
    )

    async def run(self, stage: Stage) -> str:
        key = stage.domain.widget_key
        waiting = [f"/privacy/{key}", "/privacy", "/cookies", "/subprocessors", f"/rights/{key}", f"/try?key={key}"]
        seen: set[str] = set()
        async with stage.http() as client:
            while waiting:
                path = waiting.pop()
                if path in seen:
                    continue
                seen.add(path)
                answer = await client.get(path)
                if answer.status_code != 200 or "html" not in answer.headers.get("content-type", ""):
                    continue
                links = list(_own(answer.text, path))
                if not path.startswith(CENTRE):
                    near = [link for link in links if link.startswith(CENTRE)]
                    hold(near, f"{path} has no way to the choices.")
                    opened = await client.get(near[0])
                    hold(
                        opened.status_code == 200, f"The choices, from {path}, were answered with {opened.status_code}."
                    )
                waiting += [link for link in links if link not in seen]
            chat = "".join([(await client.get(path)).text for path in stage.scripts() if path.startswith("/widget/")])
        hold("choices" in chat, "The chat has no way to the choices.")
        return f"{len(seen)} pages were opened by their links, and each leads to the choices."


def _unlinked(whole: Any) -> Any:
    """Templates whose pages lead nowhere."""

    def get_template(name: str) -> Any:
        template = whole().get_template(name)
        return SimpleNamespace(render=lambda **values: template.render(**values).replace(f'href="{CENTRE}', 'href="/'))

    return lambda: SimpleNamespace(get_template=get_template)


def _own(text: str, at: str) -> Iterable[str]:
    """The links of a page to pages of this server."""
    for found in LINK.findall(text):
        link = urlsplit(urljoin(f"http://here{at}", unescape(found)))
        if link.netloc == "here" and link.scheme == "http":
            yield f"{link.path}?{link.query}" if link.query else link.path
