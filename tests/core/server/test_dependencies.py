"""What every request goes through runs in the event loop: a plain function there would be a way through a thread."""

import inspect

from fastapi import APIRouter, Depends
from omniops.server.app import create_app
from walking import routes


def plain(dependant):
    """Names of the dependencies that are neither coroutines nor classes."""
    for one in dependant.dependencies:
        call = one.call if inspect.isroutine(one.call) or inspect.isclass(one.call) else type(one.call).__call__
        if not inspect.iscoroutinefunction(call) and not inspect.isclass(call):
            yield call.__qualname__
        yield from plain(one)


def of_all(found):
    return {name for route in found for name in plain(route.dependant)}


def test_no_request_waits_for_a_thread(world):
    app = create_app(world.runtime)
    found = [route for route in routes(app) if hasattr(route, "dependant")]
    assert len(found) > 200
    assert of_all(found) == set()
    assert [route.path for route in found if not inspect.iscoroutinefunction(route.endpoint)] == []


def test_one_that_waited_would_be_seen():
    router = APIRouter()

    def slow():
        return None

    @router.get("/slow", dependencies=[Depends(slow)])
    async def look():
        return None

    assert of_all(router.routes) == {slow.__qualname__}
