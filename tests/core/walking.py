"""For tests that walk all routes of an application and compare what they answer."""

import re

from fastapi.routing import iter_route_contexts

OWN = {"/openapi.json"}
"""FastAPI's own: the description of the API, which is public."""


def routes(app):
    """All routes, those of included routers among them."""
    return [route for route in iter_route_contexts(app.routes) if route.path not in OWN]


def plain(answer):
    """An answer without what differs by chance."""
    text = re.sub(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", "ID", answer.text)
    return answer.status_code, text
