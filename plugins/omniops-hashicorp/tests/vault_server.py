"""HashiCorp Vault behind its agent, as far as KV engines of version 2 go: their documented API over a Unix
socket, whole, with its status codes and bodies.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and https://developer.hashicorp.com/vault/api-docs#http-status-codes
"""

import json
import re
import socketserver
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

MOST_VERSIONS = 10


@dataclass
class Version:
    data: dict | None
    created: str
    destroyed: bool = False


@dataclass
class Secret:
    current: int = 0
    versions: dict = field(default_factory=dict)


class FakeVault:
    """Mounts, secrets, a seal and a policy. `storage` holds what lies on Vault's disk: the data of living versions."""

    def __init__(self, socket):
        self.socket, self.mounts = socket, {"secret": 2, "old": 1}
        self.secrets, self.sealed, self.denied, self.delete_after = {}, False, set(), ""
        self.asked, self.before_write = [], None
        self._lock = threading.Lock()
        self._server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *what):
        self.stop()

    def start(self):
        self._server = _Server(str(self.socket), _Handler)
        self._server.vault = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self.socket.unlink()
            self._server = None

    @property
    def storage(self):
        return json.dumps([v.data for s in self.secrets.values() for v in s.versions.values() if v.data is not None])

    def answer(self, method, path, headers, body):
        """Status and body; None for no body."""
        self.asked.append((method, path))
        if headers.get("x-vault-request") != "true":
            return 412, _errors("missing 'X-Vault-Request' header")
        if self.sealed:
            return 503, _errors("Vault is sealed")
        mount, _, rest = path.partition("/")
        if mount not in self.mounts:
            return 404, _errors(f'no handler for route "{path}". route entry not found.')
        kind, _, name = rest.partition("/")
        if (method, kind) in self.denied:
            return 403, _errors("1 error occurred:\n\t* permission denied\n\n")
        if self.mounts[mount] == 1:  # has no notion of data/ and metadata/: they are parts of a name
            return (204, None) if method in ("POST", "PUT") else (404, _errors())
        act = {
            ("GET", "data"): self._read,
            ("POST", "data"): self._write,
            ("PUT", "data"): self._write,
            ("GET", "metadata"): self._metadata,
            ("LIST", "metadata"): self._list,
            ("DELETE", "metadata"): self._forget,
            ("PUT", "destroy"): self._destroy,
            ("POST", "destroy"): self._destroy,
        }.get((method, kind))
        if act is None:
            return 405, _errors("unsupported operation")
        if act == self._write and self.before_write is not None:
            hook, self.before_write = self.before_write, None
            hook()
        with self._lock:
            return act(f"{mount}/{name}", body)

    def _read(self, name, _):
        secret = self.secrets.get(name)
        version = secret.versions.get(secret.current) if secret else None
        if version is None:
            return 404, _errors()
        found = {"data": {"data": version.data, "metadata": self._stamp(version) | {"version": secret.current}}}
        return (404 if version.destroyed else 200), found

    def _write(self, name, body):
        if not isinstance(body, dict) or "data" not in body:
            return 400, _errors("no data provided")
        secret = self.secrets.get(name) or Secret()
        cas = (body.get("options") or {}).get("cas")
        if cas is not None and cas != secret.current:
            return 400, _errors("check-and-set parameter did not match the current version")
        secret.current += 1
        version = secret.versions[secret.current] = Version(body["data"], datetime.now(UTC).isoformat())
        for old in sorted(secret.versions)[:-MOST_VERSIONS]:
            del secret.versions[old]
        self.secrets[name] = secret
        return 200, {"data": self._stamp(version) | {"version": secret.current}}

    def _stamp(self, version):
        return {
            "created_time": version.created,
            "custom_metadata": None,
            "deletion_time": self.delete_after,
            "destroyed": version.destroyed,
        }

    def _metadata(self, name, _):
        secret = self.secrets.get(name)
        if secret is None:
            return 404, _errors()
        versions = {str(number): self._stamp(version) for number, version in secret.versions.items()}
        return 200, {"data": {"current_version": secret.current, "max_versions": 0, "versions": versions}}

    def _list(self, folder, _):
        inside = folder.rstrip("/") + "/"
        below = [name.removeprefix(inside) for name in self.secrets if name.startswith(inside)]
        keys = sorted({re.sub("/.*", "/", name) for name in below})
        return (200, {"data": {"keys": keys}}) if keys else (404, _errors())

    def _forget(self, name, _):
        self.secrets.pop(name, None)
        return 204, None

    def _destroy(self, name, body):
        numbers = (body or {}).get("versions") or []
        if not numbers:
            return 400, _errors("no version number provided")
        secret = self.secrets.get(name)
        for number in numbers if secret else ():
            if (version := secret.versions.get(number)) is not None:
                version.data, version.destroyed = None, True
        return 204, None


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _any(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, body = self.server.vault.answer(
            self.command, self.path.removeprefix("/v1/"), self.headers, json.loads(raw) if raw else None
        )
        said = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_DELETE = do_LIST = _any  # noqa: N815 - http.server looks for these names

    def log_message(self, *_):
        """Nothing."""


def _errors(*said):
    return {"errors": list(said)}
