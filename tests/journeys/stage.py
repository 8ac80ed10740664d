"""A server that answers by script, a website that shows its chat under the strictest policy, and a bad line between.

All of it runs in a thread of its own, because the browser is driven from the test's.
"""

import asyncio
import socket
import threading
from contextlib import asynccontextmanager
from html import escape
from urllib.parse import parse_qsl, urlencode

import uvicorn
from desk import opened, serving
from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import OPERATOR
from omniops.web.pages import script_address
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

HOSTILE = """
* { all: unset !important; font-size: 40px !important; font-family: cursive !important; color: red !important;
    direction: rtl !important; }
div, iframe, button, span, omniops-chat { display: none !important; visibility: hidden !important;
    opacity: 0 !important; transform: rotate(3deg) !important; }
html { font-size: 48px !important; }
"""
FRIENDLY = "body { margin: 40px; font: 16px sans-serif; }"


class Line:
    """A proxy in front of the server. A fault strikes answers to requests that begin with `only`, while it is set.

    `latency` waits so many seconds before the answer, `drip` sends single bytes with that many seconds between, `cut`
    resets the connection after so many bytes of the answer, `half` ends our side of it after so many bytes.
    """

    def __init__(self, port):
        self.target = port
        self._open = set()
        self.clear()

    def clear(self):
        self.latency, self.drip, self.cut, self.half, self.only = 0, 0, None, None, b""
        self.struck = 0

    def hang_up(self):
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self._open |= {writer, back}
        call = {"request": b"", "sent": 0}
        asked = asyncio.create_task(self._forward(reader, back, call))
        try:
            await self._answer(there, writer, call)
        except OSError:
            pass
        finally:
            asked.cancel()
            back.close()
            writer.close()
            self._open -= {writer, back}

    async def _forward(self, reader, writer, call):
        while data := await reader.read(65536):
            if data.split(b" ", 1)[0] in (b"GET", b"POST", b"DELETE", b"OPTIONS"):
                call |= {"request": data, "sent": 0}
            writer.write(data)
            await writer.drain()

    async def _answer(self, reader, writer, call):
        while data := await reader.read(65536):
            if not call["request"].startswith(self.only):
                writer.write(data)
                await writer.drain()
                continue
            self.struck += bool(self.latency or self.drip)
            await asyncio.sleep(self.latency)
            limit = self.cut if self.cut is not None else self.half
            if limit is not None and call["sent"] + len(data) >= limit:
                self.struck += 1
                writer.write(data[: limit - call["sent"]])
                await writer.drain()
                if self.cut is not None:
                    writer.transport.abort()
                else:
                    writer.write_eof()
                return
            call["sent"] += len(data)
            for part in (data[i : i + 1] for i in range(len(data))) if self.drip else (data,):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(self.drip)


class Stage:
    def __init__(self, links, root, folder, beside=None):
        self._beside = beside
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._main = None
        self._failed = None
        self._thread = threading.Thread(target=self._run, args=(links, root, folder), daemon=True)
        self._thread.start()
        assert self._ready.wait(60), "the stage was not set in time"
        if self._failed:
            raise self._failed

    def _run(self, links, root, folder):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._hold(links, root, folder))
        except BaseException as error:
            self._failed = error
            self._ready.set()
        finally:
            self.loop.close()

    async def _hold(self, links, root, folder):
        self._done = asyncio.Event()
        async with (
            opened(links, root, folder, SystemClock(), self._beside) as self.desk,
            serving(self.desk.runtime) as self.api,
        ):
            self.line = Line(int(self.api.rpartition(":")[2]))
            async with self._website() as self.site, self._proxied() as self.proxy:
                self._ready.set()
                await self._done.wait()

    def stop(self):
        self.loop.call_soon_threadsafe(self._done.set)
        self._thread.join(30)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def script(self, *steps):
        """What the AI says next."""

        async def begin():
            self.desk.provider.begin(*steps)

        self.run(begin())

    def go(self):
        """Lets an answer go on that stands at HOLD."""
        self.loop.call_soon_threadsafe(self.desk.provider.go.set)

    def model(self, domain, *rounds):
        """The domain answers by the model with tools, which says `rounds`; a step `holding` waits for `proceed()`."""
        self.desk.domain = domain
        self.run(self.desk.with_model(*rounds))

    async def holding(self):
        await self.desk.model.go.wait()

    def proceed(self):
        self.loop.call_soon_threadsafe(self.desk.model.go.set)

    def domain(self, **settings):
        """A fresh website of a fresh account, on the stage's host."""

        async def make():
            accounts = self.desk.runtime.accounts
            account = await accounts.create("Shop", actor=OPERATOR)
            domain = await accounts.add_domain(account, "Tarn & Tor", [self.site], actor=OPERATOR)
            await accounts.switch(domain.scope, "scripted", on=True, actor=OPERATOR)
            return await accounts.configure(domain.scope, {"settings": settings}, actor=OPERATOR)

        return self.run(make())

    def page(self, domain, *, via=None, lang="en", hostile=False, path="/", **data):
        """The address of a page that shows the domain's chat; `data` are attributes of the script tag."""
        src = script_address(via or self.api, domain.widget_key)
        query = {"src": src, "lang": lang, "css": "hostile" if hostile else "friendly", **data}
        return f"{self.site}{path}?{urlencode(query)}"

    @asynccontextmanager
    async def _website(self):
        async def page(request):
            query = dict(parse_qsl(request.url.query, keep_blank_values=True))
            src, lang, css = query.pop("src"), query.pop("lang"), query.pop("css")
            host = "/".join(src.split("/")[:3])
            data = " ".join(f'data-{name}="{escape(value)}"' for name, value in query.items())
            direction = "rtl" if lang == "ar" else "ltr"
            body = (
                f'<!doctype html><html lang="{lang}" dir="{direction}"><head><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width, initial-scale=1">'
                f'<link rel="stylesheet" href="/{css}.css"><link rel="icon" href="/icon"><title>Shop</title></head>'
                f'<body><main><h1>Shop</h1><p>A page.</p><input aria-label="own field"></main>'
                f'<script async src="{escape(src)}" {data}></script></body></html>'
            )
            policy = (
                f"default-src 'none'; script-src 'self' {host}; connect-src 'self' {host}; style-src 'self'; "
                f"img-src 'self'; frame-src {host}; require-trusted-types-for 'script'; trusted-types 'none'"
            )
            return HTMLResponse(body, headers={"Content-Security-Policy": policy})

        async def css(request):
            return Response(HOSTILE if "hostile" in request.url.path else FRIENDLY, media_type="text/css")

        async def icon(request):
            return Response(b"<svg xmlns='http://www.w3.org/2000/svg'/>", media_type="image/svg+xml")

        routes = [Route("/icon", icon), Route("/{name}.css", css), Route("/{path:path}", page)]
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
            task = asyncio.create_task(server.serve(sockets=[listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
            await task

    @asynccontextmanager
    async def _proxied(self):
        server = await asyncio.start_server(self.line.serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            self.line.hang_up()
