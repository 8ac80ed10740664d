"""Waiting on pages whose policy forbids the driver's own way of it."""


def until(page, holds):
    """Waits, frame by frame and ten seconds at most, until `holds()`."""
    for _ in range(600):
        if holds():
            return
        page.evaluate("new Promise((next) => requestAnimationFrame(() => next()))")
    raise AssertionError(f"{page.url}: it does not hold after 600 frames")
