"""The integration of the page on connections, run as it stands there."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

import httpx2
import pytest
from omniops.contracts.oauth import Tokens
from omniops.contracts.plugin import PluginSettings
from omniops.errors import Reconnect, Rejected
from omniops.testing import AnsweringGate, context, link_of
from pydantic import SecretStr

PAGE = (Path(__file__).parents[2] / "docs" / "connections.md").read_text()


class BoardSettings(PluginSettings):
    client_id: str = "omniops"
    client_secret: SecretStr = SecretStr("of-the-operator")


class Server:
    """The board: knows one token, keeps hooks."""

    def __init__(self):
        self.token, self.hooks, self.asked = "good", [], []

    def answer(self, request):
        form = dict(parse_qsl(request.content.decode())) if request.url.path in ("/token", "/revoke") else {}
        self.asked.append((request.method, request.url.path))
        if request.url.path == "/token":
            if form.get("code", form.get("refresh_token")) not in ("code", "refresh"):
                return httpx2.Response(400, json={"error": "invalid_grant"})
            return httpx2.Response(200, json={"access_token": "good", "refresh_token": "refresh", "expires_in": 60})
        if request.url.path == "/revoke":
            self.token = ""
            return httpx2.Response(200)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return httpx2.Response(401)
        if request.url.path == "/me":
            return httpx2.Response(200, json={"team": "blue"})
        if request.method == "POST":
            self.hooks.append("h1")
            return httpx2.Response(201, json={"id": "h1"})
        self.hooks.remove(request.url.path.rpartition("/")[2])
        return httpx2.Response(204)


@pytest.fixture
def page(tmp_path):
    ((_, code),) = re.findall(r"^```python title=\"([^\"]+)\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    made = {"__name__": "board"}
    exec(compile(code, "board.py", "exec"), made)  # the page's own code
    server = Server()
    given = context("board", BoardSettings(), folder=tmp_path, gate=AnsweringGate(server.answer))
    return server, made["BoardIntegration"](given), made["Board"]


async def test_the_pages_integration_works(page):
    server, integration, model = page
    connection = model(team="blue")
    oauth = integration.oauth
    async with integration._context.gate.http("board", purpose="connection.use") as http:
        given = {"connection": connection, "redirect_uri": "https://omniops.example/oauth/callback", "verifier": "v"}
        tokens = await oauth.exchange(http, "code", **given)
        assert tokens.expires_at is not None
        assert await oauth.refresh(http, tokens, connection=connection)
        with pytest.raises(Rejected):
            await oauth.exchange(http, "used", **given)
        with pytest.raises(Reconnect):
            await oauth.refresh(http, tokens.model_copy(update={"refresh": SecretStr("dead")}), connection=connection)
    connection = connection.model_copy(update={"tokens": tokens})
    assert (await integration.check(connection)).ok
    link = link_of(connection, kind="board")
    await integration.connected(link)
    await integration.connected(link)
    assert server.hooks == ["h1"], "twice is once"
    await integration.disconnect(link)
    assert server.hooks == []
    async with integration._context.gate.http("board", purpose="connection.use") as http:
        assert await oauth.revoke(http, tokens, connection=connection)
    with pytest.raises(Reconnect):
        await integration.check(connection)


async def test_without_a_token_nothing_is_asked(page):
    server, integration, model = page
    with pytest.raises(Reconnect):
        await integration.check(model(team="blue"))
    assert server.asked == []


def test_tokens_are_not_shown():
    assert "hidden" not in repr(Tokens(access=SecretStr("hidden"), refresh=SecretStr("hidden")))
