"""`omniops prove`: the probes against this deployment's own runtime and application, in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from omniops.contracts.proof import Probe, Route
from omniops.contracts.root_keys import RootProvider
from omniops.errors import Rejected
from omniops.operations.beside import beside
from omniops.proof.claims import claims
from omniops.proof.report import USE
from omniops.proof.runner import SAMPLE, Outcome, Trial, run_all, try_sabotages
from omniops.proof.service import Proof
from omniops.proof.stage import Application, LiveStage
from omniops.runtime import Runtime
from omniops.server import serving
from omniops.server.app import create_app
from omniops.server.permissions import Requires, guard_of
from omniops.signing import Signer
from omniops.web.assets import assets

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run found. `published` is the signed report."""

    outcomes: Sequence[Outcome]
    trials: Sequence[Trial]
    published: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether a promise is untrue, or a test is no good."""
        return any(o.state == "failed" for o in self.outcomes) or any(not trial.good for trial in self.trials)


def application(runtime: Runtime, root: RootProvider) -> Application:
    """The application as the web server has it."""
    app = create_app(runtime)

    def listener(certificate: Path, key: Path) -> SSLContext:
        settings = runtime.settings.model_copy(update={"tls_certificate": certificate, "tls_key": key})
        made = serving.listening_config(settings, app).ssl
        assert made is not None
        return made

    scripts = [f"/widget/{name}" for name in assets().files] + [f"/consent/{name}" for name in app.state.banner.parts]
    return Application(app, routes_of(app), scripts, listener, partial(beside, runtime, root, application))


def routes_of(app: FastAPI) -> list[Route]:
    found = []
    for route in iter_route_contexts(app.routes):
        guard = guard_of(route)
        permission = guard.permission if isinstance(guard, Requires) else None
        found += [Route(method, str(route.path), permission) for method in sorted((route.methods or set()) - {"HEAD"})]
    return found


async def prove(
    runtime: Runtime,
    root: RootProvider,
    *,
    claim: str | None = None,
    sabotage: bool = False,
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> Run:
    """Runs all probes, or those of one claim, and with `sabotage` each under its sabotages as well, each time beside
    a sample of so many others. A run of all is kept and published. Raises `Rejected` for a claim that does not exist.
    """
    proof = Proof(runtime)
    every = proof.probes()
    chosen = _of_claim(every, claim) if claim else list(every)
    async with LiveStage.open(runtime, application(runtime, root)) as stage:
        outcomes = await run_all(chosen, stage, progress)
        trials: Sequence[Trial] = ()
        if sabotage:
            green = {outcome.probe for outcome in outcomes if outcome.state == "proved"}
            good = [kind for kind in chosen if kind.__name__ in green]
            trials = await try_sabotages(good, stage, known=good, sample=sample, progress=progress)
    signer = Signer(root.secret(USE))
    published = await proof.report(outcomes, trials, signer, at=runtime.clock.now(), keep=claim is None)
    return Run(outcomes, trials, published)


def _of_claim(every: Sequence[type[Probe]], claim: str) -> list[type[Probe]]:
    known = claims().get(claim)
    if known is None:
        raise Rejected(f"There is no claim {claim!r}.", code="no_such_claim", do="Name one of P1 to P128.")
    wanted = {claim}
    while more := {key for one in wanted for key in claims()[one].also} - wanted:
        wanted |= more
    return [kind for kind in every if wanted & set(kind.claims)]
