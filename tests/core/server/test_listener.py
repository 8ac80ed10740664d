"""The listener where it ends TLS: 1.3, and nothing older."""

import socket
import ssl
import threading

import pytest
import trustme
import uvicorn
from omniops.server.serving import bind, listening_config
from omniops.settings import Settings


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


@pytest.fixture
def served(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.example")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    settings = Settings(tls_certificate=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem", data_dir=tmp_path)
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(listening_config(settings, app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield authority, listener.getsockname()[1]
    server.should_exit = True
    thread.join(30)
    listener.close()


def hello(authority, port, version):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), 10) as raw,
        context.wrap_socket(raw, server_hostname="shop.example") as wrapped,
    ):
        wrapped.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        return wrapped.version(), wrapped.recv(4096)


def test_tls_1_3_is_answered_and_1_2_is_not(served):
    authority, port = served
    version, answer = hello(authority, port, ssl.TLSVersion.TLSv1_3)
    assert version == "TLSv1.3"
    assert b"200 OK" in answer
    with pytest.raises(ssl.SSLError):
        hello(authority, port, ssl.TLSVersion.TLSv1_2)
