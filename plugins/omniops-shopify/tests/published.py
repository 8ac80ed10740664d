"""Shopify's own schema, as it publishes it in a package: fetched once, checked by its hash, kept elsewhere."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from functools import cache
from pathlib import Path

import graphql
import httpx2
import pytest

PACKAGE = "https://registry.npmjs.org/@shopify/dev-mcp/-/dev-mcp-1.16.0.tgz"
SHA256 = "4663c79229028e98f825a09d5f04ec6c3736331b740ce50260f9ffac10709474"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omniops-tests"


@cache
def published(version):
    """What the package holds of a version of the Admin API. Skips the test where it can be had nowhere."""
    kept = CACHE / f"shopify-{SHA256[:12]}-admin_{version}.json.gz"
    if not kept.exists():
        _fetch()
    return json.loads(gzip.decompress(kept.read_bytes()))


@cache
def schema(version):
    """`assume_valid`: deprecated fields of interfaces break a rule of graphql-core that Shopify does not keep."""
    return graphql.build_client_schema(published(version)["data"], assume_valid=True)


def _fetch():
    """A proxy's settings count, as for every package."""
    try:
        answer = httpx2.get(PACKAGE, follow_redirects=True, timeout=60)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        pytest.skip(f"Shopify's published schema cannot be fetched: {type(error).__name__}")
    assert hashlib.sha256(answer.content).hexdigest() == SHA256, "another package came than the one that is known"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as packed:
        for member in packed.getmembers():
            name = Path(member.name).name
            if name.startswith("admin_") and name.endswith(".json.gz"):
                kept = CACHE / f"shopify-{SHA256[:12]}-{name}"
                part = kept.with_suffix(f".{os.getpid()}")
                part.write_bytes(packed.extractfile(member).read())
                part.replace(kept)
