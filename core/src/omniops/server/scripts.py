"""Scripts for other websites: the banner's, and how any is sent."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request, Response

from omniops.web.banner import Banner
from omniops.web.scripts import Script


async def banner_of(request: Request) -> Banner:
    return cast("Banner", request.app.state.banner)


BannerFiles = Annotated[Banner, Depends(banner_of)]


def script_file(request: Request, script: Script, age: str) -> Response:
    """The script, packed where the browser takes it. `age` is the `Cache-Control`."""
    headers = {
        "Cache-Control": age,
        "ETag": f'"{script.digest}"',
        "Vary": "Accept-Encoding",
        # Modules are fetched with CORS, and the page may demand that what it loads says so.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(script.packed, media_type="text/javascript", headers={**headers, "Content-Encoding": "gzip"})
    return Response(script.body, media_type="text/javascript", headers=headers)
