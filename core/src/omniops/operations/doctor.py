"""`omniops doctor`: what is checked, what was seen, why it matters, and the command that mends it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import shutil
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from packaging.version import Version
from sqlalchemy import text

from omniops import __version__
from omniops.audit.service import OPERATOR
from omniops.bootstrap import Prepared, prepared
from omniops.database.migrate import Migrator
from omniops.errors import OmniOpsError
from omniops.operations.firsts import Firsts
from omniops.operations.nightly_proof import failures, made_at
from omniops.proof.service import Proof
from omniops.repairs import repairs
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.vault.copies import VaultCopy

FLOORS = {
    "starlette": "1.0.1",  # CVE-2026-48710: path taken from Host
    "python-multipart": "0.0.26",  # CVE-2026-24486 and CVE-2026-40347
    "cryptography": "50.0.0",
    "httpx2": "2.16",
    "aiohttp": "3.14.4",
}
"""Versions below which a published hole is open."""

REVIEW_SOON = timedelta(days=60)
"""An assessment of legitimate interests that is to be reviewed sooner is warned of."""
LATE = timedelta(days=2)
"""A report of proofs that is older is warned of."""
LEAST_FREE = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One look. `fix` is a command or a sentence, empty where nothing is to be done."""

    name: str
    state: Literal["ok", "warn", "fail"]
    said: str
    why: str = ""
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which a start needs them. Never raises: what cannot be looked at has failed."""
    checks = [_python(), *_floors(), _folders(settings), _disk(settings), _mirror(settings), _tls(settings)]
    try:
        with prepared(settings, create=False) as ready:
            checks += [_database_user(warning) for warning in ready.warnings]
            checks += asyncio.run(_inside(settings, ready))
    except OmniOpsError as error:
        checks.append(
            Check("database", "fail", error.message, "Nothing works without it.", error.do or "Run `omniops up`.")
        )
    return checks


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", "ok", f"Python {version}, omniops {__version__}, {ssl.OPENSSL_VERSION}.")


def _floors() -> list[Check]:
    found = []
    for name, floor in FLOORS.items():
        installed = importlib.metadata.version(name)
        if Version(installed) < Version(floor):
            found.append(
                Check(
                    f"version of {name}",
                    "fail",
                    f"{name} {installed} is older than {floor}.",
                    "Older versions have published holes.",
                    f"pip install --upgrade '{name}>={floor}'",
                )
            )
    return found or [Check("versions", "ok", f"{len(FLOORS)} libraries are at or above their security floors.")]


def _folders(settings: Settings) -> Check:
    mode = settings.keys_dir.stat().st_mode & 0o777 if settings.keys_dir.exists() else None
    if mode is None:
        return Check("keys", "fail", f"There is no keys folder {settings.keys_dir}.", "", "Run `omniops up`.")
    if mode & 0o077:
        return Check(
            "keys",
            "fail",
            f"The keys folder {settings.keys_dir} has mode {mode:o}: others can enter it.",
            "Whoever reads the root key reads everything.",
            f"chmod 700 {settings.keys_dir}",
        )
    return Check("keys", "ok", f"The keys folder {settings.keys_dir} is ours alone.")


def _disk(settings: Settings) -> Check:
    if not settings.data_dir.exists():
        return Check("disk", "warn", f"There is no data folder {settings.data_dir} yet.", "", "Run `omniops up`.")
    free = shutil.disk_usage(settings.data_dir).free
    said = f"{free / 2**30:.1f} GiB are free in {settings.data_dir}."
    if free < LEAST_FREE:
        return Check("disk", "warn", said, "A full disk stops every write.", "Make room, or move the data folder.")
    return Check("disk", "ok", said)


def _mirror(settings: Settings) -> Check:
    if settings.keys_mirror is None:
        return Check(
            "key mirror",
            "warn",
            f"The keys exist in {settings.keys_dir} only.",
            "Losing this machine would lose everything personal for ever.",
            "Set OMNIOPS_KEYS_MIRROR to a folder on other storage, then run `omniops vault night`.",
        )
    at = VaultCopy.made_at(settings.keys_mirror / "vault.copy")
    if at is None or at < datetime.now(UTC) - timedelta(days=2):
        when = "never" if at is None else f"last on {at:%Y-%m-%d %H:%M} UTC"
        return Check(
            "key mirror",
            "warn",
            f"The mirror {settings.keys_mirror} was {when} brought up to date.",
            "A backup that is older than the keys in use opens only beside a mirror that is not.",
            "omniops vault night",
        )
    return Check("key mirror", "ok", f"The mirror {settings.keys_mirror} is of {at:%Y-%m-%d %H:%M} UTC.")


def _tls(settings: Settings) -> Check:
    if settings.tls_certificate is not None:
        return Check("tls", "ok", "This server ends TLS itself, 1.3 only.")
    if settings.host in ("127.0.0.1", "::1", "localhost"):
        return Check("tls", "ok", "The web server listens on this machine only; put a TLS 1.3 proxy before it.")
    return Check(
        "tls",
        "fail",
        f"The web server listens on {settings.host} without TLS.",
        "What visitors write would cross the network in clear.",
        "Set OMNIOPS_TLS_CERTIFICATE and OMNIOPS_TLS_KEY, or OMNIOPS_HOST=127.0.0.1 behind a proxy.",
    )


def _database_user(warning: str) -> Check:
    return Check("database user", "warn", warning, "", "Set OMNIOPS_POSTGRES_USER to a user that exists.")


async def _inside(settings: Settings, ready: Prepared) -> list[Check]:
    pending = Migrator(ready.links).pending()
    if pending:
        return [Check("schema", "fail", "The database is behind this version.", "", "Run `omniops migrate`.")]
    checks = [Check("schema", "ok", "Tables and code are at the same revision.")]
    async with Runtime.open(settings, ready.links, ready.root) as runtime:
        for look in LOOKS:
            checks += await _guarded(look, runtime)
    return checks


async def _guarded(look: Callable[[Runtime], Awaitable[list[Check]]], runtime: Runtime) -> list[Check]:
    try:
        return await look(runtime)
    except OmniOpsError as error:
        return [Check(look.__name__.strip("_"), "fail", error.message, "", error.do or "")]


async def _database(runtime: Runtime) -> list[Check]:
    async with runtime.database.connect() as connection:
        row = (
            await connection.execute(
                text(
                    "select current_setting('server_version') as version, current_setting('fsync') as fsync,"
                    " current_setting('synchronous_commit') as commits, current_user as role"
                )
            )
        ).one()
    found = [Check("database", "ok", f"PostgreSQL {row.version} answers; the app is {row.role}, filtered by row.")]
    if row.fsync != "on" or row.commits == "off":
        found.append(
            Check(
                "durability",
                "fail",
                f"fsync is {row.fsync}, synchronous_commit is {row.commits}.",
                "An acknowledged message could be lost.",
                "Switch both on in the server's configuration.",
            )
        )
    return found


async def _plugins(runtime: Runtime) -> list[Check]:
    found = [
        Check(
            f"plugin {report.name}",
            "fail",
            f"It failed at the stage {report.stage}: {report.problem}",
            "It is left out; everything else goes on.",
            f"Mend it, or run `omniops plugin disable {report.name}`.",
        )
        for report in runtime.plugins.failed
    ]
    for answer in await runtime.seams.health():
        if answer.error is not None:
            found.append(Check(f"plugin {answer.plugin}", "fail", str(answer.error)))
        elif answer.value is not None and not answer.value.ok:
            found.append(Check(f"plugin {answer.plugin}", "warn", answer.value.said))
    names = ", ".join(loaded.name for loaded in runtime.seams.loaded)
    return [Check("plugins", "ok", f"Loaded: {names}."), *found]


async def _encoder(runtime: Runtime) -> list[Check]:
    encoder = runtime.encoders()
    best = max(runtime.seams.encoders(), key=lambda offer: offer.rank, default=None)
    if encoder is None:
        return [Check("encoder", "warn", runtime.encoders.said, "Search goes by words alone.", "omniops models list")]
    if best is not None and best.missing:
        return [
            Check(
                "encoder",
                "warn",
                runtime.encoders.said,
                "A better encoder is enabled and not installed.",
                f"omniops models install {best.name}",
            )
        ]
    return [Check("encoder", "ok", runtime.encoders.said)]


async def _register(runtime: Runtime) -> list[Check]:
    refused = [row for row in await runtime.privacy.records.rows(used=False) if row.refused is not None]
    return [
        Check(
            f"register {row.processor.key}",
            "warn",
            f"{row.processor.party} receives nothing of people from everywhere: {row.refused}.",
            "Without a contract and a mechanism of transfer, no personal data leaves.",
            f"omniops privacy register show {row.processor.key}",
        )
        for row in refused
    ] or [Check("register", "ok", "Every processor is covered, or there is none.")]


async def _assessments(runtime: Runtime) -> list[Check]:
    soon = (runtime.clock.now() + REVIEW_SOON).date()
    return [
        Check(
            f"assessment of {purpose.key}",
            "warn",
            f"It is to be reviewed by {purpose.assessment.review_by}; after that nothing opens for this purpose.",
            "A legitimate interest counts only as long as somebody weighs it (Art. 6(1)(f) GDPR).",
            "Weigh it anew, and say so in OMNIOPS_ASSESSMENTS.",
        )
        for purpose in runtime.catalog.purposes.values()
        if purpose.assessment is not None and purpose.assessment.review_by < soon
    ] or [Check("assessments", "ok", "Every legitimate interest is weighed, and none is to be reviewed soon.")]


async def _exceptions(runtime: Runtime) -> list[Check]:
    return [
        Check(
            "gate exception",
            "warn",
            f"{allow.host}:{allow.port} may be reached although its address is not public ({allow.reason})"
            + (", also without TLS." if allow.plaintext else "."),
            "Exceptions are holes that you made.",
            f"omniops config disallow {allow.host} {allow.port}",
        )
        for allow in await runtime.allows.all()
    ] or [Check("gate exceptions", "ok", "None.")]


async def websites(runtime: Runtime) -> list[Check]:
    """What is wrong with each website of every account."""
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    found, looked = [], 0
    for account in await firsts.account_ids():
        for domain in await runtime.accounts.domains(account):
            looked += 1
            site = domain.origins[0] if domain.origins else str(domain.id)
            found += [
                Check(f"{one.name} of {site}", one.state, one.said, one.why, one.command or one.fix)
                for one in await repairs(runtime, domain, lambda _: True)
                if one.state != "ok"
            ]
    return found or [Check("websites", "ok", f"{looked} were looked at, and none needs anything.")]


async def _jobs(runtime: Runtime) -> list[Check]:
    counts = await runtime.jobs.counts()
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    if counts["failed"]:
        return [Check("jobs", "warn", said, "Failed jobs are work that was not done.", "omniops status")]
    return [Check("jobs", "ok", said)]


async def _audit(runtime: Runtime) -> list[Check]:
    verdict = await runtime.audit.verify(OPERATOR)
    if verdict.broken is not None:
        return [Check("audit", "fail", f"The operator's chain: {verdict.reason}.", "Somebody changed the log.")]
    return [Check("audit", "ok", f"The operator's chain holds {verdict.entries} entries and is whole.")]


async def proofs(runtime: Runtime) -> list[Check]:
    """Whether what `/privacy` shows is of these days, and nothing of it failed."""
    published = await Proof(runtime).latest()
    why, fix = "`/privacy` shows what the last report found.", "omniops prove"
    if published is None:
        return [Check("proofs", "warn", "No promise of the privacy policy was tried yet.", why, fix)]
    at, failed = made_at(published), failures(published)
    if failed:
        return [Check("proofs", "fail", f"Not true at the moment: {', '.join(failed)}.", why, f"{fix} --claim P…")]
    if at < runtime.clock.now() - LATE:
        return [Check("proofs", "warn", f"The last report is of {at:%Y-%m-%d %H:%M} UTC.", why, fix)]
    return [Check("proofs", "ok", f"The report of {at:%Y-%m-%d %H:%M} UTC found no promise untrue.")]


LOOKS = (
    _database, _plugins, _encoder, _register, _assessments, _exceptions, websites, _jobs, _audit, proofs,
)  # fmt: skip


def worst(checks: list[Check]) -> Literal["ok", "warn", "fail"]:
    """`fail`, `warn` or `ok`: the worst of all."""
    states = {check.state for check in checks}
    return "fail" if "fail" in states else "warn" if "warn" in states else "ok"
