"""The database goes and comes back under a running server: a clear answer meanwhile, and health afterwards."""

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()
    except OSError:
        return 0, {}, b""


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


def test_it_goes_and_comes_back(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = place.start("up", "--port", str(port), "--site", "https://shop.example")
    base = f"http://127.0.0.1:{port}"
    try:
        until(lambda: get(f"{base}/readyz")[0] == 200)
        key = place.said.partition('data-domain="')[2].partition('"')[0]
        config = f"{base}/v1/visitor/config?key={key}"
        assert get(config, Origin="https://shop.example")[0] == 200
        postmaster = int((place.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)

        def back():
            status, headers, body = get(config, Origin="https://shop.example")
            assert status in (200, 503), (status, body)
            if status == 503:
                assert "retry-after" in headers
                assert json.loads(body)["code"]
                assert b"psycopg" not in body
            return status == 200 and get(f"{base}/readyz")[0] == 200 and "database.back" in place.said

        until(back)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
