"""`omniops up`: everything from nothing, then everything running, with what to do next in plain words."""

from __future__ import annotations

import asyncio
import sys

from omniops import logs
from omniops.bootstrap import Prepared, make_folders, migrate_core, prepared
from omniops.operations.firsts import First, Firsts
from omniops.runtime import Runtime
from omniops.server.serving import bind
from omniops.settings import Settings
from omniops.supervisor import Supervisor, only_one
from omniops.web.pages import widget_tag


def start(settings: Settings, *, site: str | None, name: str) -> None:
    """Runs until a signal. Safe to repeat: what is there is kept, what is missing is made."""
    logs.configure(settings.log_level, settings.log_format)
    make_folders(settings)
    with only_one(settings), prepared(settings, create=True) as ready:
        listener = bind(settings.host, settings.port)
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        listener.set_inheritable(True)
        log = logs.logger("supervisor")
        for warning in ready.warnings:
            log.warning("database.warning", said=warning)
        migrate_core(ready.links, ready.root)
        first = asyncio.run(set_up(settings, ready, site=site, name=name))
        supervisor = Supervisor(settings, ready, log)
        for number in range(settings.web_processes):
            supervisor.add(f"web{number}", ["serve", "--fd", str(listener.fileno())], (listener.fileno(),))
        supervisor.add("worker", ["worker"])
        supervisor.run(lambda: _welcome(settings, first))
        listener.close()


async def set_up(settings: Settings, ready: Prepared, *, site: str | None, name: str) -> First:
    """Plugins' tables, the sentence encoder's model where it can be made without a download, the first account."""
    async with Runtime.open(settings, ready.links, ready.root, migrate=True) as runtime:
        await asyncio.to_thread(install_models, runtime)
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        first = await firsts.ensure(name)
        if site is not None:
            domain, source = await firsts.ensure_site(first.account_id, site)
            if source.paused_at is None:
                await runtime.knowledge.request_crawl(domain.scope, source.id)
            first = await firsts.ensure(name) if domain.id not in {d.id for d in first.domains} else first
    return first


def install_models(runtime: Runtime) -> None:
    """Makes every model that can be made on this machine without a download."""
    for model in runtime.seams.models():
        if model.installed() is None and model.local_source() is not None:
            _say(f"Making the model {model.name} from {model.local_source()} …")
            model.install(source=None, progress=lambda what, share: None, download=None)


def _welcome(settings: Settings, first: First) -> None:
    url = settings.public_url
    lines = ["", f"OmniOps runs on {url}"]
    if first.setup_token:
        lines += [
            "",
            "  Set up the first account (works once, for three days):",
            f"    {url}/setup/{first.setup_token}",
        ]
    for domain in first.domains:
        lines += ["", f"  Chat for {', '.join(domain.origins)}: put this line on the site:"]
        lines += [f"    {widget_tag(url, domain.widget_key)}"]
        lines += ["  Try it before:", f"    {url}/try?key={domain.widget_key}"]
    if not first.domains:
        lines += ["", "  Add your website:", "    omniops domain add https://your-shop.example"]
    lines += ["", "  Is all well?  omniops doctor        Stop: Ctrl-C", ""]
    _say("\n".join(lines))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
