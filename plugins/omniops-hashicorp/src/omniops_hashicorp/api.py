"""The part of Vault's HTTP API that is used: KV secrets engine, version 2.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2. An answer with 404 and no error says that there is
nothing; a secret whose version was destroyed answers the same, with what is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omniops.errors import ConfigError, NotReachable

if TYPE_CHECKING:
    import httpx2

    from omniops_hashicorp.settings import HashiCorpSettings


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's newest version. `data` is None where that was destroyed."""

    data: dict[str, Any] | None
    version: int


class KeyValue:
    """Secrets below one path. Every method raises `NotReachable` and `ConfigError`."""

    def __init__(self, settings: HashiCorpSettings, path: str) -> None:
        import httpx2

        self.path = f"{settings.mount}/{path}"
        self._mount, self._path, self._socket = settings.mount, path, settings.socket
        headers = {"X-Vault-Request": "true"}
        if settings.namespace:
            headers["X-Vault-Namespace"] = settings.namespace
        self._http = httpx2.Client(
            base_url="http://vault/v1/",
            # Nothing stays open between two calls: there are few, and an agent that starts anew is found at once.
            transport=httpx2.HTTPTransport(uds=str(settings.socket), limits=httpx2.Limits(max_keepalive_connections=0)),
            timeout=settings.patience,
            headers=headers,
            trust_env=False,
        )

    def read(self, name: str) -> Secret | None:
        """None where there is no such secret."""
        answer = self._ask("GET", "data", name, missing=True)
        if answer is None or not isinstance(found := answer.get("data"), dict):
            return None
        return Secret(found.get("data"), int(found["metadata"]["version"]))

    def write(self, name: str, data: dict[str, Any], *, over: int) -> bool:
        """Writes over version `over` and no other; 0: only where there is nothing. False where it was not that version:
        somebody else was quicker. Vault has stored it when it answers."""
        answer = self._ask("POST", "data", name, {"options": {"cas": over}, "data": data}, mismatch=True)
        if answer is None:
            return False
        stored = answer.get("data") or {}
        if stored.get("deletion_time"):
            self.destroy(name)
            raise ConfigError(
                f"What is written at {self._mount!r} is deleted by Vault after a time.",
                do=f"A key that goes by itself locks the data: `vault kv config -mount={self._mount}"
                " -delete-version-after=0s`, or another mount.",
            )
        if "version" not in stored:
            raise ConfigError(
                f"What Vault has mounted at {self._mount!r} keeps no versions.",
                do=f"Mount a KV engine of version 2: `vault secrets enable -path={self._mount} -version=2 kv`.",
            )
        return True

    def names(self) -> list[str]:
        answer = self._ask("LIST", "metadata", "", missing=True)
        return [] if answer is None else [str(name) for name in answer["data"]["keys"]]

    def destroy(self, name: str) -> None:
        """Removes every version from Vault's storage, and then that there was anything. Safe to repeat."""
        metadata = self._ask("GET", "metadata", name, missing=True)
        if metadata is None:
            return
        versions = sorted(int(number) for number in metadata["data"]["versions"])
        self._ask("PUT", "destroy", name, {"versions": versions})
        self._ask("DELETE", "metadata", name)

    def _ask(
        self, method: str, kind: str, name: str, body: Any = None, *, missing: bool = False, mismatch: bool = False
    ) -> dict[str, Any] | None:
        """The answer's body. None where there is nothing and that is an answer (`missing`), or where check-and-set did
        not fit (`mismatch`)."""
        import httpx2

        where = f"{self._mount}/{kind}/{self._path}" + (f"/{name}" if name else "")
        try:
            response = self._http.request(method, where, json=body)
        except (httpx2.TransportError, OSError) as error:
            raise NotReachable(
                f"Vault's agent does not answer at {self._socket}: {error or type(error).__name__}.",
                do="Start it, and let OmniOps's user read and write the socket. The setting is hashicorp.socket.",
            ) from error
        said = _body(response)
        errors = [str(one) for one in said.get("errors") or ()]
        if response.is_success:
            return said
        if response.status_code == 404 and missing and not errors:
            return said if said.get("data") else None
        if response.status_code == 400 and mismatch and any("check-and-set" in one for one in errors):
            return None
        raise self._refused(response.status_code, where, " ".join(" ".join(errors).split()))

    def _refused(self, status: int, where: str, said: str) -> Exception:
        if status == 503 or status >= 500 or status in (412, 429):
            hint = "Unseal it." if "sealed" in said else "Look at Vault's own log."
            if status == 412:  # an eventually consistent node that has not caught up
                hint = "Try again in a moment."
            return NotReachable(f"Vault cannot answer now ({status}): {said or 'no reason given'}.", do=hint)
        if status == 403:
            return ConfigError(
                f"Vault does not let the agent use {where}: {said or 'permission denied'}.",
                do=f"Give its policy create, read, update, delete and list on {self._mount}/*/{self._path}*.",
            )
        return ConfigError(f"Vault refused {where} ({status}): {said or 'no reason given'}.")


def _body(response: httpx2.Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
