"""`omniops demo`: the bundled shop, read and answering, in a data folder of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from omniops import logs
from omniops.accounts.service import DomainView
from omniops.bootstrap import Prepared, make_folders, migrate_core, prepared
from omniops.contracts.ids import ShiftedClock
from omniops.demo.questions import SHOWN, SHOWN_UNANSWERABLE, DemoQuestion
from omniops.errors import ConfigError, NotReady, OmniOpsError
from omniops.gate.grants import Allow
from omniops.knowledge.progress import Progress
from omniops.knowledge.service import CrawlReport
from omniops.operations.asking import Asked, ask
from omniops.operations.demo_history import History, SignIn
from omniops.operations.firsts import OPERATOR, Firsts
from omniops.operations.starting import install_models
from omniops.runtime import Runtime
from omniops.server.serving import bind
from omniops.settings import Settings
from omniops.supervisor import Supervisor, only_one
from omniops.web.pages import script_address

HOST = "127.0.0.1"
SHOP_PORT = 8021
NAME = "Tarn & Tor"
OnProgress = Callable[[str, int, int], None]


def demo_settings(settings: Settings, *, port: int | None) -> Settings:
    """The same settings beside, never on, the folders of `omniops up`."""
    changes: dict[str, object] = {
        "data_dir": settings.data_dir.with_name(settings.data_dir.name + "-demo"),
        "keys_dir": settings.keys_dir.with_name(settings.keys_dir.name + "-demo"),
        "database_url": None,
        "database_pooled_url": None,
        "host": HOST,
        "base_url": None,
    }
    if port is not None:
        changes["port"] = port
    return settings.model_copy(update=changes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question of the demo, what it was answered, and whether that is right."""

    question: str
    answer: Asked
    right: bool

    def to_json(self) -> dict[str, Any]:
        return {"right": self.right, **self.answer.to_json()}


def once_report(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The questions with their answers and sources, and whether each is as it should be, for people."""
    for outcome in outcomes:
        yield f"? {outcome.question}"
        yield from (f"  {line}" for line in outcome.answer.lines())
        yield "  as it should be\n" if outcome.right else "  NOT as it should be\n"
    yield f"{sum(outcome.right for outcome in outcomes)} of {len(outcomes)} are as they should be."


@contextmanager
def _shop(port: int, tag: tuple[str, str] | None) -> Iterator[None]:
    """The shop in a process of its own, which ends with ours. Raises `ConfigError` when its port is taken."""
    command = [sys.executable, "-m", "omniops.demo.serve", "--port", str(port)]
    if tag is not None:
        command += ["--widget-src", tag[0], "--widget-key", tag[1]]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        if not process.stdout.readline():
            said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
            raise ConfigError(
                f"The demo shop did not start: {said[-1] if said else 'no word'}.",
                do="Choose another port with --shop-port.",
            )
        yield
    finally:
        process.terminate()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


async def _domain(runtime: Runtime, shop_port: int) -> DomainView:
    """The shop's domain, with the one exception of the gate that a shop on this machine needs."""
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    first = await firsts.ensure(NAME)
    await runtime.allows.add(Allow(HOST, shop_port, "the demo shop on this machine", plaintext=True))
    domain, _ = await firsts.ensure_site(first.account_id, f"http://{HOST}:{shop_port}/", NAME)
    look = {
        "suggestions": [question.question for question in SHOWN[:3]],
        "people_hours": "weekdays 9:00–17:00",
        "placeholder": "Ask about tents, delivery, returns",
    }
    return await runtime.accounts.configure(domain.scope, {"settings": look}, actor=OPERATOR)


async def _read(runtime: Runtime, domain: DomainView, progress: OnProgress) -> CrawlReport:
    def report(at: Progress) -> None:
        progress({"reading": "Reading the shop", "encoding": "Encoding"}.get(at.phase, "Starting"), at.done, at.of)

    (source,) = await runtime.knowledge.sources(domain.scope)
    return await runtime.knowledge.crawl(domain.scope, source.id, report)


def once(settings: Settings, shop_port: int, progress: OnProgress) -> list[Outcome]:
    """The whole path without a browser. Returns every outcome; raises `NotReady` when the shop could not be read."""
    logs.configure("error", settings.log_format)
    make_folders(settings)
    with only_one(settings), prepared(settings, create=True) as ready, _shop(shop_port, None):
        migrate_core(ready.links, ready.root)
        return asyncio.run(_once(settings, ready, shop_port, progress))


async def _once(settings: Settings, ready: Prepared, shop_port: int, progress: OnProgress) -> list[Outcome]:
    async with Runtime.open(settings, ready.links, ready.root, migrate=True) as runtime:
        await asyncio.to_thread(install_models, runtime)
        domain = await _domain(runtime, shop_port)
        report = await _read(runtime, domain, progress)
        if report.state != "done":
            raise NotReady(f"The demo shop could not be read: {report.said}")
        outcomes = [await _judged(runtime, domain, question) for question in SHOWN]
        silent = await ask(runtime, domain, SHOWN_UNANSWERABLE)
        return [*outcomes, Outcome(SHOWN_UNANSWERABLE, silent, silent.level != "answer")]


async def _judged(runtime: Runtime, domain: DomainView, question: DemoQuestion) -> Outcome:
    answer = await ask(runtime, domain, question.question)
    quoted = " ".join(str(source["quote"]) for source in answer.sources)
    cited = any(str(source["url"]).endswith(question.path) for source in answer.sources)
    return Outcome(question.question, answer, answer.level == "answer" and cited and question.answer in quoted)


def run(
    settings: Settings,
    shop_port: int,
    progress: OnProgress,
    read: Callable[[], None],
    *,
    open_browser: bool,
    full: bool = False,
) -> None:
    """Everything at once, until a signal: shop, database, web, worker, and a page with the chat. `read` is called when
    the shop is read and nothing more progresses. With `full` the shop has two months of conversations behind it, and a
    dashboard that can be entered."""
    logs.configure("warning", settings.log_format)
    make_folders(settings)
    with only_one(settings), prepared(settings, create=True) as ready:
        listener = bind(settings.host, settings.port)
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        listener.set_inheritable(True)
        migrate_core(ready.links, ready.root)
        key = asyncio.run(_prepare_chat(settings, ready, shop_port))
        with _shop(shop_port, (script_address(settings.public_url, key), key)):
            entry = asyncio.run(_lived_in(settings, ready, shop_port, progress)) if full else None
            supervisor = Supervisor(settings, ready, logs.logger("supervisor"))
            supervisor.add("web", ["serve", "--fd", str(listener.fileno())], (listener.fileno(),))
            supervisor.add("worker", ["worker"])

            def fill() -> None:
                try:
                    asyncio.run(_fill(settings, ready, shop_port, progress))
                except OmniOpsError as error:
                    if not supervisor.stopping:
                        print(f"omniops: {error}", file=sys.stderr)
                        supervisor.stop()
                    return
                read()
                _welcome(shop_port, settings.public_url, entry, open_browser=open_browser)

            supervisor.run(fill)
        listener.close()


async def _prepare_chat(settings: Settings, ready: Prepared, shop_port: int) -> str:
    async with Runtime.open(settings, ready.links, ready.root, migrate=True) as runtime:
        await asyncio.to_thread(install_models, runtime)
        return (await _domain(runtime, shop_port)).widget_key


async def _lived_in(settings: Settings, ready: Prepared, shop_port: int, progress: OnProgress) -> SignIn:
    """The shop with its months, which are played once: before the worker starts, since their turns are of the past."""
    if entry := SignIn.kept(settings.data_dir):
        return entry
    clock = ShiftedClock()
    async with Runtime.open(settings, ready.links, ready.root, clock=clock) as runtime:
        domain = await _domain(runtime, shop_port)
        await _read(runtime, domain, progress)
        entry = await History(runtime, clock, domain).play(progress)
    entry.keep(settings.data_dir)
    return entry


async def _fill(settings: Settings, ready: Prepared, shop_port: int, progress: OnProgress) -> None:
    async with Runtime.open(settings, ready.links, ready.root) as runtime:
        await _read(runtime, await _domain(runtime, shop_port), progress)


def _welcome(shop_port: int, server: str, entry: SignIn | None, *, open_browser: bool) -> None:
    url = f"http://{HOST}:{shop_port}/tents/ridge-2"
    lines = [f"\nThe demo shop is open: {url}", "  Ask it anything. Stop: Ctrl-C\n"]
    if entry is not None:
        lines.append(f"Its dashboard: {server}/app\n  Sign in as {entry.email}, {entry.password}\n")
    print("\n".join(lines), file=sys.stderr, flush=True)
    if open_browser:
        webbrowser.open(f"{server}/app" if entry is not None else url)
