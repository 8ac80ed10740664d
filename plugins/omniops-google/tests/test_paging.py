"""A list of Google's is read to its end, and one that has none is no reason to go on for ever."""

import httpx2
import pytest
from google_app import OPERATORS
from omniops.contracts.oauth import Tokens
from omniops.errors import NotReady
from omniops.testing import AnsweringGate, context
from omniops_google.client import GoogleClient
from omniops_google.settings import GoogleConnection, GoogleSettings
from pydantic import SecretStr


async def test_a_list_that_turns_in_a_circle_ends(tmp_path):
    gate = AnsweringGate(lambda request: httpx2.Response(200, json={"nextPageToken": "round"}))
    client = GoogleClient(context("google", GoogleSettings(**OPERATORS), folder=tmp_path, gate=gate))
    connection = GoogleConnection(tokens=Tokens(access=SecretStr("ya29.x")))
    with pytest.raises(NotReady, match="same page"):
        [page async for page in client.pages(connection, "gmail", "/gmail/v1/users/me/messages")]
    assert [request.url.params.get("pageToken") for request in gate.requests] == [None, "round"]
