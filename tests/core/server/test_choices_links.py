"""Every public page leads to the page of choices (Art. 7(3) GDPR): of its website where it belongs to one."""

import re
from html import unescape

from fastapi.routing import iter_route_contexts
from omniops.server.app import create_app, guard_of
from omniops.server.permissions import Public

FRAME = "/frame"
"""The page inside the chat's frame is the chat: its choices stand in the panel."""


WEBSITES = ("/rights/", "/privacy/", "/preferences", "/try")
"""The pages that belong to a website; the others are for everybody."""
TOLD = "/rights/told/"
"""What became of a request that an outside system told of: of several websites, perhaps."""


async def pages(front):
    """(address, body, whether it belongs to a website) of every page that anybody may read."""
    key, client = front.desk.domain.widget_key, front.client()
    for route in iter_route_contexts(create_app(front.desk.runtime).routes):
        if "GET" not in route.methods or not isinstance(guard_of(route), Public) or route.path == FRAME:
            continue
        path = route.path.replace("{key}", key).replace("{text}", "agreement")
        path = re.sub(r"\{\w+(:\w+)?\}", "nothing", path)
        for address in (path, f"{path}?key={key}&token=nothing"):
            answer = await client.get(address)
            if answer.headers.get("content-type", "").startswith("text/html"):
                yield address, answer.text, key in address


async def test_every_public_page_leads_to_the_choices(front):
    seen = set()
    async for address, body, its_own in pages(front):
        links = [unescape(link) for link in re.findall(r'href="(/preferences[^"]*)"', body)]
        assert links, f"{address} leads to no choices"
        if its_own and address.startswith(WEBSITES) and not address.startswith(TOLD):
            assert all(f"key={front.desk.domain.widget_key}" in link for link in links), address
        for link in links:
            assert (await front.client().get(link)).status_code == 200, (address, link)
        seen.add(address.partition("?")[0])
    key = front.desk.domain.widget_key
    known = {"/privacy", "/cookies", "/subprocessors", "/rights", "/try", "/preferences", "/preferences/confirm"}
    assert known | {f"/privacy/{key}", f"/privacy/{key}/agreement", f"/rights/{key}"} <= seen


async def test_without_a_key_the_page_says_where_ones_own_is_in_ones_language(front):
    answer = await front.client(**{"Accept-Language": "ar"}).get("/preferences")
    assert answer.status_code == 200
    assert 'dir="rtl"' in answer.text
    assert "لكل موقع" in answer.text
    assert (await front.client().get("/preferences?key=pk_unknown")).status_code == 404
