"""Health and metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from omniops import __version__
from omniops.runtime import Runtime
from omniops.server.permissions import App, Public
from omniops.server.readiness import Readiness

router = APIRouter(tags=["system"])


@router.get("/livez", dependencies=[Depends(Public("says that the process answers"))])
async def livez() -> dict[str, str]:
    """The process answers. Says nothing of what it needs."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[Depends(Public("says whether the server can work; holds no secret"))])
async def readyz(runtime: App) -> JSONResponse:
    """Whether this process can serve, and each thing that it needs. 503 when the database is away."""
    found = await Readiness.of(runtime)
    body = {
        "status": "ok" if found.ok else "unavailable",
        "version": __version__,
        "database": found.database,
        "plugins": found.plugins,
        "health": found.health,
        "encoder": runtime.encoders.said,
        "routing": found.troubles,
        "exceptions": await _exceptions(runtime) if found.ok else [],
    }
    return JSONResponse(body, 200 if found.ok else 503, {} if found.ok else {"Retry-After": "2"})


async def _exceptions(runtime: Runtime) -> list[dict[str, Any]]:
    """The operator's exceptions to the gate's address table: always in sight."""
    return [
        {"host": allow.host, "port": allow.port, "reason": allow.reason, "plaintext": allow.plaintext}
        for allow in await runtime.allows.all()
    ]


@router.get("/.well-known/omniops-receipts.json", dependencies=[Depends(Public("public keys"))])
async def receipt_keys(runtime: App) -> dict[str, Any]:
    """The keys that receipts of AI answers are signed with, as a JWK set (RFC 7517)."""
    return runtime.visiting.receipts.keys()


@router.get(
    "/metrics",
    dependencies=[Depends(Public("counters without labels of businesses or people"))],
    response_class=PlainTextResponse,
)
async def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
