"""What our relay adds to a model's stream, against a bare relay over the same vendor's SDK and one loopback upstream.

    uv run --with 'openai[aiohttp]>=3.50,<4' python tests/bench/relay.py [--json] [--peer ENVIRONMENT/bin/litellm]

Both relays are processes of their own (uvicorn, uvloop, one worker). `bare` reads the SDK's raw iterator and writes
server-sent events. `ours` puts the router, the breaker, the answer's parts, the live turn and our server-sent events
between the two; no database, which is no part of a chunk's way. `peer`, on demand, is the LiteLLM proxy with one worker
and without its database (`pip install 'litellm[proxy]'`, in an environment of its own). Figures are medians of
alternated rounds.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

CHUNKS, GAP, STREAMS, OPEN, ROUNDS = 100, 0.02, 25, 500, 4
SEQUENTIAL, BATCH = 60, 25


# The upstream: OpenAI's Responses API as far as a stream of text needs it.
async def upstream(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    how = json.loads(body)["model"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})

    async def say(kind, **data):
        line = f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 0, **data})}\n\n"
        await send({"type": "http.response.body", "body": line.encode(), "more_body": True})

    answer = {
        "id": "resp_1", "object": "response", "created_at": 0, "model": how, "output": [], "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "status": "in_progress", "error": None, "incomplete_details": None,
        "instructions": None, "metadata": {}, "temperature": None, "top_p": None,
    }  # fmt: skip
    usage = {
        "input_tokens": 900, "output_tokens": CHUNKS, "total_tokens": 900 + CHUNKS,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    await say("response.created", response=answer)
    for number in range(1 if how in ("short", "open") else CHUNKS):
        await say(
            "response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, logprobs=[],
            delta=f"word{number} ",
        )  # fmt: skip
        if how == "paced":
            await asyncio.sleep(GAP)
    for _ in range(60 if how == "open" else 0):
        await asyncio.sleep(5)
        await say(
            "response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, logprobs=[], delta="more ",
        )  # fmt: skip
    await say("response.completed", response={**answer, "status": "completed", "usage": usage})
    await send({"type": "http.response.body", "body": b""})


def client(url):
    import httpx2
    import openai

    return openai.AsyncOpenAI(
        api_key="test",
        base_url=url,
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(
            timeout=httpx2.Timeout(600, connect=10), limits=httpx2.Limits(max_connections=5000)
        ),
    )


def bare(url):
    """A relay as one would write it in an afternoon."""
    from starlette.applications import Starlette
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    vendor = client(url)

    async def stream(model):
        async with await vendor.responses.create(model=model, input="How long?", stream=True, store=False) as events:
            async for event in events:
                if event.type == "response.output_text.delta":
                    yield f"event: text\ndata: {json.dumps({'text': event.delta})}\n\n".encode()
                elif event.type == "response.completed":
                    yield b"event: done\ndata: {}\n\n"

    async def relay(request):
        return StreamingResponse(stream(request.path_params["model"]), media_type="text/event-stream")

    return Starlette(routes=[Route("/{model}", relay)])


def ours(url):
    """The same way through the product's own parts."""
    import random
    from contextlib import aclosing, asynccontextmanager
    from uuid import uuid4

    from omniops.accounts.service import DomainView
    from omniops.contracts.ids import new_id
    from omniops.contracts.provider import Cap, ChatMessage, Deployment, Done, Provider, Request, Started, Text, Usage
    from omniops.contracts.scope import Scope
    from omniops.conversation.live import LiveTurn
    from omniops.conversation.progress import Progress, Showing
    from omniops.conversation.routing.attempt import Parts
    from omniops.conversation.routing.health import Health
    from omniops.conversation.routing.route import Chosen, Router
    from omniops.logs import logger
    from omniops.server import sse
    from omniops.server.visitor import _turn_event
    from starlette.applications import Starlette
    from starlette.routing import Route

    vendor = client(url)

    class Scripted(Provider):
        name = "scripted"

        def deployments(self):
            return self.offered

        offered = tuple(
            Deployment(f"scripted/{model}", "scripted", model, "local", "scripted", Cap.REASONING)
            for model in ("paced", "short", "open", "fast")
        )

        @asynccontextmanager
        async def stream(self, request, deployment, *, limits, connection=None):
            async with await vendor.responses.create(
                model=request.cache_key, input=request.question, stream=True, store=False
            ) as events:
                yield self.events(events)

        async def events(self, events):
            async for event in events:
                kind = event.type
                if kind == "response.output_text.delta":
                    yield Text(event.delta)
                elif kind == "response.created":
                    yield Started(event.response.model, event.response.id)
                elif kind == "response.completed":
                    used = event.response.usage
                    yield Done("end", Usage(used.input_tokens, used.output_tokens))

    class Purse:
        def book(self, scope, spent):
            pass

    class Nobody:
        async def own(self, scope):
            return {}

    log = logger("bench")
    router = Router(
        Parts(Health(log, time.monotonic, random.uniform), Purse(), Nobody(), log), lambda _: lambda _: True
    )
    provider, identity = Scripted(), uuid4()
    domain = DomainView(Scope(uuid4(), identity), identity, "Shop", (), "pk_bench")
    stopping = asyncio.Event()

    async def run(model, live):
        asked = Request(
            "How long?", (ChatMessage("visitor", "How long?"),), (), "en", 1.0, 0.6, 0.4, "key", cache_key=model
        )
        progress = Progress()
        show = Showing(live, progress)
        async with aclosing(router.route(asked, domain, [provider])) as events:
            async for event in events:
                if isinstance(event, Done):
                    live.emit("done", {"text": progress.answer.text})
                elif not isinstance(event, Chosen):
                    show(event)

    async def relay(request):
        live = LiveTurn(new_id())
        live.task = asyncio.create_task(run(request.path_params["model"], live))
        return sse.respond(live.follow(), _turn_event, stopping)

    return Starlette(routes=[Route("/{model}", relay)])


def serve(which, port, url):
    import gc

    import uvicorn

    app = {"upstream": lambda: upstream, "bare": lambda: bare(url), "ours": lambda: ours(url)}[which]()
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="critical", lifespan="off", backlog=4096, timeout_keep_alive=600
    )


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@dataclass(frozen=True)
class Relay:
    """One of those that are compared: where it listens, its process, and how it is asked for a model's stream."""

    base: str
    server: psutil.Process
    peer: bool = False

    def ask(self, session, model):
        if not self.peer:
            return session.get(f"{self.base}/{model}")
        return session.post(
            f"{self.base}/v1/responses",
            json={"model": model, "input": "How long?", "stream": True},
            headers={"Authorization": "Bearer sk-bench"},
        )


@contextmanager
def process(which, url=""):
    port = free_port()
    with running([sys.executable, __file__, "--serve", which, "--port", str(port), "--url", url], port) as started:
        yield Relay(f"http://127.0.0.1:{port}", started)


@contextmanager
def peer(program, url):
    port = free_port()
    models = "".join(
        f"  - model_name: {model}\n"
        f"    litellm_params: {{model: openai/{model}, api_key: test, api_base: '{url}'}}\n"
        "    model_info: {mode: responses, supports_native_streaming: true}\n"
        for model in ("paced", "short", "open", "fast")
    )
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(
            f"model_list:\n{models}litellm_settings: {{telemetry: false, num_retries: 0}}\n"
            "general_settings: {master_key: sk-bench}\n"
        )
        command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL"}
        environment.pop("PYTHONPATH", None)
        with running(command, port, env=environment, cwd=folder, stdout=subprocess.DEVNULL) as started:
            yield Relay(f"http://127.0.0.1:{port}", started, peer=True)


@contextmanager
def running(command, port, **how):
    started = subprocess.Popen(command, **how)
    try:
        for _ in range(1200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert started.poll() is None, f"{command[0]} did not start"
            time.sleep(0.1)
        yield psutil.Process(started.pid)
    finally:
        started.kill()
        started.wait(20)


async def first(asked):
    began = time.perf_counter()
    async with asked as answer:
        async for line in answer.content:
            if b"word0" in line:
                seconds = time.perf_counter() - began
                break
        await answer.read()
    return seconds


async def added_first(relays, base):
    """Milliseconds to the first word over the upstream's own, one at a time, a new connection each."""
    found = {name: [] for name in (*relays, "upstream")}
    for _ in range(SEQUENTIAL):
        for name, relay in relays.items():
            async with aiohttp.ClientSession() as session:
                found[name].append(await first(relay.ask(session, "short")))
        async with aiohttp.ClientSession() as session:
            found["upstream"].append(await first(session.post(f"{base}/v1/responses", json={"model": "short"})))
    medians = {name: statistics.median(times[5:]) * 1000 for name, times in found.items()}
    floor = medians.pop("upstream")
    return {name: round(ms - floor, 2) for name, ms in medians.items()}


async def read(session, relay):
    async with relay.ask(session, "paced") as answer:
        text = await answer.read()
    assert text.count(b"output_text.delta" if relay.peer else b"event: text") == CHUNKS, text[-300:]


def cpu(server):
    times = server.cpu_times()
    return times.user + times.system


async def per_chunk(relays):
    """Microseconds of CPU for one chunk, many streams at once."""
    found = {name: [] for name in relays}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for _ in range(ROUNDS):
            for name, relay in relays.items():
                before = cpu(relay.server)
                await asyncio.gather(*(read(session, relay) for _ in range(STREAMS)))
                found[name].append((cpu(relay.server) - before) / STREAMS / CHUNKS * 1e6)
    return {name: round(statistics.median(values[1:] or values), 1) for name, values in found.items()}


async def memory(relays):
    """MiB of 1,000 open streams, from half as many, each of which has said a word."""
    found = {}
    for name, relay in relays.items():
        before = relay.server.memory_info().rss
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            answers = []
            while len(answers) < OPEN:  # not all in one instant, which would measure the loopback's patience
                some = await asyncio.gather(*(relay.ask(session, "open") for _ in range(BATCH)))
                for answer in some:
                    async for line in answer.content:
                        if b"word0" in line:
                            break
                answers += some
            found[name] = round((relay.server.memory_info().rss - before) / 2**20 * 1000 / OPEN, 1)
            for answer in answers:
                answer.close()
    return found


async def measure(relays, base):
    result = {"added_first_ms": await added_first(relays, base), "us_per_chunk": await per_chunk(relays)}
    result["mib_per_1000"] = await memory(relays)
    result["ours_to"] = {
        other: {name: round(figures["ours"] / figures[other], 2) for name, figures in list(result.items())[:2]}
        for other in relays
        if other != "ours"
    }
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve")
    parser.add_argument("--port", type=int)
    parser.add_argument("--url", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", help="the proxy's program, in an environment of its own")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.port, arguments.url)
        return
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    with ExitStack() as stack:
        base = stack.enter_context(process("upstream")).base
        relays = {name: stack.enter_context(process(name, f"{base}/v1")) for name in ("bare", "ours")}
        if arguments.peer:
            relays["peer"] = stack.enter_context(peer(arguments.peer, f"{base}/v1"))
        result = asyncio.run(measure(relays, base))
    print(json.dumps(result, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
